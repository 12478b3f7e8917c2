import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Config } from './config.ts'
import type { Log } from './log.ts'
import { openapi, service } from './openapi.ts'
import { readTask, type TaskStore } from './tasks.ts'

export interface AppOptions {
  readonly config: Config
  readonly store: TaskStore
  readonly log: Log
  /** False once the process has been told to stop. */
  readonly isReady: () => boolean
}

interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

type Handler = (request: IncomingMessage) => Reply | Promise<Reply>

const maxBodyBytes = 64 * 1024
const probes = new Set(['/healthz', '/readyz'])

/** The whole service as an HTTP server that does not listen yet (factor VII: whoever starts it binds the port). */
export const createApp = (options: AppOptions): Server => {
  const routes = routesOf(options)
  return createServer((request, response) => void answer(options, routes, request, response))
}

const routesOf = ({ config, store, isReady }: AppOptions): Readonly<Record<string, Record<string, Handler>>> => ({
  '/': { GET: () => ok({ ...service, greeting: config.greeting, pod: config.podName }) },
  '/tasks': { GET: () => ok({ tasks: store.list() }), POST: (request) => addTask(store, request) },
  '/healthz': { GET: () => ok({ status: 'ok' }) },
  '/readyz': { GET: () => (isReady() ? ok({ status: 'ready' }) : { status: 503, body: { status: 'stopping' } }) },
  '/openapi.json': { GET: () => ok(openapi) },
})

const ok = (body: unknown): Reply => ({ status: 200, body })
const refusal = (status: number, error: string, more: object = {}): Reply => ({ status, body: { error, ...more } })

const addTask = async (store: TaskStore, request: IncomingMessage): Promise<Reply> => {
  const text = await readBody(request)
  if (text === undefined) return { ...refusal(413, `the body is larger than ${maxBodyBytes} bytes`), headers: { Connection: 'close' } }
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return refusal(400, 'the body is not JSON')
  }
  const read = readTask(body)
  return 'faults' in read ? refusal(400, 'the task is not valid', { faults: read.faults }) : { status: 201, body: store.add(read.task) }
}

const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBodyBytes) chunks.push(chunk)
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks).toString('utf8')
}

const answer = async (options: AppOptions, routes: ReturnType<typeof routesOf>, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const startedAt = performance.now()
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const reply = await replyTo(options, routes, path, request)
  send(options, reply, request, response)
  const ms = Math.round((performance.now() - startedAt) * 10) / 10
  options.log(probes.has(path) ? 'debug' : 'info', 'request', {
    method: request.method,
    path,
    status: reply.status,
    ms,
    requestId: request.headers['x-request-id'],
  })
}

const replyTo = async ({ log }: AppOptions, routes: ReturnType<typeof routesOf>, path: string, request: IncomingMessage): Promise<Reply> => {
  const methods = routes[path === '/' ? path : path.replace(/\/$/, '')]
  if (!methods) return refusal(404, `there is nothing at ${path}`)
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET')
  const handler = methods[method]
  if (!handler) return { ...refusal(405, `${method} is not possible here`), headers: { Allow: Object.keys(methods).join(', ') } }
  try {
    return await handler(request)
  } catch (error) {
    log('error', 'the request failed', { path, error: (error as Error).message })
    return refusal(500, 'internal error')
  }
}

const send = ({ config, isReady }: AppOptions, reply: Reply, request: IncomingMessage, response: ServerResponse): void => {
  const text = `${JSON.stringify(reply.body)}\n`
  response.writeHead(reply.status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'X-Served-By': config.hostname,
    // A client that keeps its connection would otherwise send its next request into the closing door.
    ...(isReady() ? {} : { Connection: 'close' }),
    ...reply.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}
