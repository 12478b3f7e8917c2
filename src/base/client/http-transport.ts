import http from 'node:http'
import https from 'node:https'
import type { Status } from '../api/generated/types.ts'
import { StatusError } from '../machinery/status-error.ts'

export interface HttpTransportOptions {
  /** `https://host:port`; with `socketPath` only its scheme counts. */
  readonly url?: string
  /** A unix socket that speaks TLS (or plain HTTP where `url` says so). */
  readonly socketPath?: string
  /** The name that the server's certificate must carry, where it is not the URL's host. */
  readonly servername?: string
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly token?: string
  readonly userAgent?: string
  /** For all but watches; default 60 s. */
  readonly timeoutMs?: number
}

export interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly signal?: AbortSignal
  /** No time limit: the answer is a stream. */
  readonly stream?: boolean
}

export interface HttpTransport {
  /** The answer's head; its body is still to be read. Refusals (4xx, 5xx) and network faults are StatusErrors. */
  open(request: HttpRequest): Promise<http.IncomingMessage>
  json<T>(request: HttpRequest): Promise<T>
}

export const createHttpTransport = (options: HttpTransportOptions): HttpTransport => {
  const base = new URL(options.url ?? 'https://localhost')
  const secure = base.protocol === 'https:'
  const agent = secure ? new https.Agent({ keepAlive: true, ...pick(options, ['ca', 'cert', 'key', 'servername']) }) : new http.Agent({ keepAlive: true })
  const target = options.socketPath
    ? { socketPath: options.socketPath, host: options.servername ?? 'localhost' }
    : { host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port || (secure ? 443 : 80) }
  const prefix = base.pathname.replace(/\/$/, '')

  const send = (request: HttpRequest, payload: Buffer | undefined) =>
    new Promise<http.IncomingMessage>((resolve, reject) => {
      const outgoing = (secure ? https : http).request({
        ...target,
        agent,
        method: request.method,
        path: prefix + request.path,
        headers: headersOf(options, request, payload),
        ...(request.signal ? { signal: request.signal } : {}),
        ...(request.stream ? {} : { timeout: options.timeoutMs ?? 60_000 }),
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error('the request timed out')))
      outgoing.on('error', (cause: NodeJS.ErrnoException) =>
        // A kept-alive connection that the server closed just then: the request was never seen.
        outgoing.reusedSocket && request.method === 'GET' && cause.code === 'ECONNRESET' && !request.signal?.aborted
          ? send(request, payload).then(resolve, reject)
          : reject(unreachable(cause)),
      )
      outgoing.on('response', resolve)
      outgoing.end(payload)
    })

  const open = async (request: HttpRequest) => {
    const payload = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
    const response = await send(request, payload)
    if ((response.statusCode ?? 0) >= 400) throw refusal(response.statusCode ?? 500, await readAll(response))
    return response
  }

  return {
    open,
    async json<T>(request: HttpRequest) {
      const text = await readAll(await open(request))
      return (text ? JSON.parse(text) : undefined) as T
    },
  }
}

const headersOf = (options: HttpTransportOptions, request: HttpRequest, payload: Buffer | undefined): http.OutgoingHttpHeaders => ({
  accept: 'application/json',
  'user-agent': options.userAgent ?? 'knarr',
  ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
  ...(payload ? { 'content-type': request.contentType ?? 'application/json', 'content-length': payload.length } : {}),
})

const readAll = async (response: http.IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (cause) {
    throw unreachable(cause as Error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export const unreachable = (cause: Error): StatusError =>
  new StatusError('ServiceUnavailable', `the API server cannot be reached: ${cause.message}`, undefined, { cause })

const refusal = (code: number, text: string): StatusError => {
  try {
    const status = JSON.parse(text) as Status
    if (status.kind === 'Status') return StatusError.from({ ...status, code: status.code ?? code })
  } catch {
    // Not ours: a proxy's page, say.
  }
  return new StatusError(reasonOf(code), text.slice(0, 500) || `the server answered ${code}`, undefined, { code })
}

const reasonOf = (code: number) => {
  const reasons = {
    400: 'BadRequest',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    405: 'MethodNotAllowed',
    409: 'Conflict',
    410: 'Gone',
    429: 'TooManyRequests',
    503: 'ServiceUnavailable',
    504: 'Timeout',
  } as const
  return reasons[code as keyof typeof reasons] ?? 'InternalError'
}

const pick = <T extends object, K extends keyof T>(from: T, names: readonly K[]): Partial<Pick<T, K>> =>
  Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]])) as Partial<Pick<T, K>>
