import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { dialError } from './dial-error.ts'
import type { ProbeAnswer } from './probe-state.ts'

/** What an RPC came to: its answer, or the status that took the answer's place. */
type Outcome = { readonly body: Buffer } | { readonly code: number; readonly message: string }

/**
 * Asks `grpc.health.v1.Health/Check`, as upstream without TLS; every failure is the container's. Node's own HTTP/2 will do for one unary call:
 * a request is one frame with one string, an answer one frame with one number.
 */
export const askGrpcHealth = async (options: { host: string; port: number; service?: string; timeoutMs: number }): Promise<ProbeAnswer> => {
  const address = `${options.host}:${options.port}`
  const session = connect(`http://${address}`)
  const failure = (message: string) => ({ ok: false, message })
  let isConnected = false
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<ProbeAnswer>((resolve) => {
    timer = setTimeout(() => {
      const within = `${options.timeoutMs / 1000}s`
      resolve(
        failure(
          isConnected
            ? `timeout: health rpc did not complete within ${within}`
            : `timeout: failed to connect service "${address}" within ${within}: context deadline exceeded`,
        ),
      )
    }, options.timeoutMs)
  })
  const asked = new Promise<ProbeAnswer>((resolve) => {
    session.once('remoteSettings', () => (isConnected = true))
    session.on('error', (error) =>
      resolve(
        failure(
          isConnected
            ? `error: health rpc probe failed: rpc error: code = Unavailable desc = ${error.message}`
            : `error: failed to connect service at "${address}": connection error: desc = "transport: Error while dialing: ${dialError(error, address)}"`,
        ),
      ),
    )
    void check(session, options.service ?? '').then(
      (outcome) => resolve(answerOf(outcome)),
      (error: Error) => resolve(failure(`error: health rpc probe failed: rpc error: code = Unavailable desc = ${error.message}`)),
    )
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
    session.destroy()
  }
}

const check = (session: ClientHttp2Session, service: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36',
    })
    const chunks: Buffer[] = []
    let status: IncomingHttpHeaders = {}
    // A server that has nothing to say but a status says it in the first headers.
    const take = (headers: IncomingHttpHeaders) => (status = { ...status, ...headers })
    stream.on('response', take).on('trailers', take)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    // The session tells what went wrong with it.
    stream.on('error', () => {})
    stream.on('end', () => {
      const http = Number(status[':status'])
      const code = Number(status['grpc-status'] ?? codeOfHttp(http))
      const said = [status['grpc-message'] ?? `unexpected HTTP status code received from server: ${http}`].flat().join()
      const message = unescaped(said)
      resolve(code === 0 ? { body: Buffer.concat(chunks) } : { code, message })
    })
    stream.end(frame(service))
  })

// As it came where it is not escaped as it should be.
const unescaped = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const codeNames = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]
const unimplemented = codeNames.indexOf('Unimplemented')

// By gRPC's table for servers that speak HTTP/2 and no gRPC.
const codeOfHttp = (status: number): number => {
  const names: Readonly<Record<number, string>> = { 400: 'Internal', 401: 'Unauthenticated', 403: 'PermissionDenied', 404: 'Unimplemented' }
  return codeNames.indexOf(names[status] ?? ([429, 502, 503, 504].includes(status) ? 'Unavailable' : 'Unknown'))
}

const varint = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)])

const frame = (service: string): Buffer => {
  const name = Buffer.from(service)
  const message = name.length > 0 ? Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]) : name
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

const answerOf = (outcome: Outcome): ProbeAnswer => {
  if ('code' in outcome) {
    const { code, message } = outcome
    return {
      ok: false,
      message:
        code === unimplemented
          ? `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${message}`
          : `error: health rpc probe failed: rpc error: code = ${codeNames[code] ?? `Code(${code})`} desc = ${message}`,
    }
  }
  const { body } = outcome
  const status = body.length >= 7 && body[5] === 0x08 ? (body[6] ?? 0) : 0
  return status === 1 ? { ok: true, message: 'service healthy' } : { ok: false, message: `service unhealthy (responded with "${statuses[status] ?? status}")` }
}
