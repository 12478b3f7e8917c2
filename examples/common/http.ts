import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Log } from './log.ts'
import { problem, Unavailable } from './problem.ts'
import { readTrace, type Trace } from './trace.ts'

export interface Call {
  readonly request: IncomingMessage
  readonly path: string
  /** What stood where the route's path has `:name`. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly trace: Trace
}

export interface Reply {
  readonly status: number
  /** Goes out as JSON; a string goes out as it is, and then has a `type`. */
  readonly body: unknown
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Handler = (call: Call) => Reply | Promise<Reply>
/** `/tasks/:id` → method → handler. HEAD is answered by GET's. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Handler>>>>

export interface AppOptions {
  readonly routes: Routes
  readonly log: Log
  readonly hostname: string
  /** False once the process has been told to stop. */
  readonly isReady: () => boolean
}

export const ok = (body: unknown): Reply => ({ status: 200, body })

const maxBodyBytes = 64 * 1024
const probes = new Set(['/healthz', '/readyz'])

/** The routes as an HTTP server that does not listen yet (factor VII: whoever starts it binds the port). */
export const createApp = (options: AppOptions): Server => {
  const table = Object.entries(options.routes).map(([path, methods]) => ({ words: path.split('/'), methods }))
  return createServer((request, response) => void answer(options, table, request, response))
}

/** The body as text, or the refusal of one that is too large. */
export const readText = async (request: IncomingMessage): Promise<{ readonly text: string } | Reply> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= maxBodyBytes) chunks.push(chunk)
  }
  if (size > maxBodyBytes) return problem(413, `the body is larger than ${maxBodyBytes} bytes`, { headers: { Connection: 'close' } })
  return { text: Buffer.concat(chunks).toString('utf8') }
}

/** The body as JSON, or the refusal of what is none. */
export const readJson = async (request: IncomingMessage): Promise<{ readonly json: unknown } | Reply> => {
  const read = await readText(request)
  if ('status' in read) return read
  try {
    return { json: JSON.parse(read.text) }
  } catch {
    return problem(400, 'the body is not JSON')
  }
}

type Table = readonly { readonly words: readonly string[]; readonly methods: Readonly<Record<string, Handler>> }[]

const answer = async (options: AppOptions, table: Table, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const startedAt = performance.now()
  const [path = '/', search = ''] = (request.url ?? '/').split('?', 2)
  const trace = readTrace(request.headers)
  const reply = await replyTo(options, table, { request, path, params: {}, query: new URLSearchParams(search), trace })
  send(options, reply, { request, response, trace })
  const ms = Math.round((performance.now() - startedAt) * 10) / 10
  const { requestId, traceId } = trace
  options.log(probes.has(path) ? 'debug' : 'info', 'request', { method: request.method, path, status: reply.status, ms, requestId, traceId })
}

const replyTo = async ({ log }: AppOptions, table: Table, call: Call): Promise<Reply> => {
  const { path, request, trace } = call
  const found = find(table, path)
  if (!found) return problem(404, `there is nothing at ${path}`)
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET')
  const handler = found.methods[method]
  if (!handler) return problem(405, `${method} is not possible here`, { headers: { Allow: Object.keys(found.methods).join(', ') } })
  try {
    return await handler({ ...call, params: found.params })
  } catch (error) {
    if (error instanceof Unavailable) return problem(503, error.message, { headers: { 'Retry-After': '1' } })
    log('error', 'the request failed', { path, requestId: trace.requestId, error: (error as Error).message })
    return problem(500, 'internal error')
  }
}

const find = (table: Table, path: string): { methods: Readonly<Record<string, Handler>>; params: Record<string, string> } | undefined => {
  const words = (path === '/' ? path : path.replace(/\/$/, '')).split('/')
  for (const { words: wanted, methods } of table) {
    const params: Record<string, string> = {}
    const fits = (word: string, index: number): boolean => {
      const value = words[index]!
      if (!word.startsWith(':')) return word === value
      params[word.slice(1)] = value
      return value !== ''
    }
    if (wanted.length === words.length && wanted.every(fits)) return { methods, params }
  }
  return undefined
}

const send = (options: AppOptions, reply: Reply, to: { request: IncomingMessage; response: ServerResponse; trace: Trace }): void => {
  const text = typeof reply.body === 'string' ? reply.body : `${JSON.stringify(reply.body)}\n`
  to.response.writeHead(reply.status, {
    'Content-Type': reply.type ?? 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'X-Served-By': options.hostname,
    'X-Request-Id': to.trace.requestId,
    // A client that keeps its connection would otherwise send its next request into the closing door.
    ...(options.isReady() ? {} : { Connection: 'close' }),
    ...reply.headers,
  })
  to.response.end(to.request.method === 'HEAD' ? undefined : text)
}
