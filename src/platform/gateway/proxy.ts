import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LookupFunction } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import type { Target } from './backends.ts'
import { downstreamHeaders, pairsOf } from './headers.ts'

export interface Forward {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Tried in this order until one can be connected to. */
  readonly targets: readonly Target[]
  readonly protocol: 'http' | 'https'
  readonly path: string
  readonly headers: readonly string[]
  /** Called before an answer of the gateway's own: no endpoint gave one. */
  readonly onFailure: (error: Error, target: Target) => void
}

const connectTimeoutMs = 3_000
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
const maxAttempts = 3

/** Keeps connections to endpoints. An answer may take as long as it likes: the client decides when to give up. */
export const createProxyAgent = (options: { readonly lookup?: LookupFunction } = {}): Agent =>
  new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 65_536,
    // Backends of the protocol HTTPS show certificates of their own making; ingress-nginx does not check them either.
    connect: { timeout: connectTimeoutMs, rejectUnauthorized: false, ...(options.lookup ? { lookup: options.lookup } : {}) },
  })

/** Streams a request, with a body of known length or none, to an endpoint and its answer back. Ends with the client: whoever goes away ends the other side. */
export const forward = (agent: Agent, options: Forward): void => {
  const body = bodyOf(options.request)
  // A request whose line has gone out may have had its effect: only where that is harmless is it sent again.
  const isRepeatable = !body && idempotent.has(options.request.method ?? 'GET')
  const attempt = (number: number): void => {
    const target = options.targets[(number - 1) % options.targets.length]!
    const relay = new AnswerRelay(options.response, (error, wasSent) => {
      const mayRetry = number < maxAttempts && (wasSent ? isRepeatable : number < options.targets.length)
      if (mayRetry) return void setImmediate(attempt, number + 1)
      options.onFailure(error, target)
      answerFailure(options, error)
    })
    agent.dispatch(
      {
        origin: originOf(options.protocol, target),
        method: (options.request.method ?? 'GET') as Dispatcher.HttpMethod,
        path: options.path,
        headers: [...options.headers],
        body: body ?? null,
      },
      relay,
    )
  }
  attempt(1)
}

const originOf = (protocol: string, { host, port }: Target): string => `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`

/** A stream of its own: undici destroys the body of a request that is answered early, and the client's socket must survive that. */
const bodyOf = (request: IncomingMessage): Readable | undefined => {
  return Number(request.headers['content-length'] ?? 0) > 0 ? request.pipe(new PassThrough()) : undefined
}

/** 502 or 504, or the end of an answer that has begun. */
export const answerFailure = ({ response }: Forward, error: Error): void => {
  if (response.headersSent) return void response.destroy()
  const [status, text] = isTimeout(error) ? [504, '504 Gateway Time-out'] : [502, '502 Bad Gateway']
  answerText(response, status as number, text as string)
}

const isTimeout = (error: Error): boolean => /TIMEOUT|ETIMEDOUT/.test((error as NodeJS.ErrnoException).code ?? '')

/** A short answer of the gateway itself. */
export const answerText = (response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text), ...headers })
  response.end(text)
}

/** Writes an endpoint's answer to the client as it comes, at the client's pace. */
class AnswerRelay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  readonly #onError: (error: Error, wasSent: boolean) => void
  readonly #onClose = (): void => this.#abort()
  #controller: Dispatcher.DispatchController | undefined
  #hasData = false

  constructor(response: ServerResponse, onError: (error: Error, wasSent: boolean) => void) {
    this.#response = response
    this.#onError = onError
    response.on('close', this.#onClose)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#response.destroyed) this.#abort()
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, statusMessage?: string): void {
    // Informational answers concern the hop between gateway and endpoint.
    if (status < 200) return
    this.#response.writeHead(status, statusMessage ?? '', downstreamHeaders(rawPairs(controller.rawHeaders)))
    // Headers travel with the first bytes, but do not wait for them: an event stream may have none for long.
    setImmediate(() => {
      if (!this.#hasData && !this.#response.writableEnded) this.#response.flushHeaders()
    })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#hasData = true
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#response.off('close', this.#onClose)
    const trailers = rawPairs(controller.rawTrailers)
    if (trailers.length > 0) this.#response.addTrailers(pairsOf(trailers))
    this.#response.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#response.off('close', this.#onClose)
    if (!this.#response.destroyed) this.#onError(error, this.#controller !== undefined || this.#response.headersSent)
  }

  #abort(): void {
    if (!this.#response.writableFinished) this.#controller?.abort(new Error('the client went away'))
  }
}

const rawPairs = (raw: Dispatcher.DispatchController['rawHeaders']): string[] => (Array.isArray(raw) ? raw.map((part) => part.toString('latin1')) : [])
