import { connect } from 'node:http2'
import type { ProbeAnswer } from './probe-state.ts'

/** `grpc.health.v1.Health/Check`: the one field of request and answer is written and read by hand. */
export const askGrpcHealth = (options: { host: string; port: number; service?: string; timeoutMs: number }): Promise<ProbeAnswer> =>
  new Promise((resolve) => {
    const address = `${options.host}:${options.port}`
    const session = connect(`http://${address}`)
    const finish = (answer: ProbeAnswer) => {
      clearTimeout(timer)
      session.destroy()
      resolve(answer)
    }
    const timer = setTimeout(
      () => finish({ ok: false, message: `timeout: failed to connect service "${address}" within ${options.timeoutMs / 1000}s: context deadline exceeded` }),
      options.timeoutMs,
    )
    session.on('error', (error) => finish({ ok: false, message: `error: health rpc failed: ${error.message}` }))
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36',
    })
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', (error) => finish({ ok: false, message: `error: health rpc failed: ${error.message}` }))
    stream.on('end', () => finish(answerOf(Buffer.concat(chunks))))
    stream.end(frame(options.service ?? ''))
  })

const frame = (service: string): Buffer => {
  const name = Buffer.from(service)
  const message = name.length ? Buffer.concat([Buffer.from([0x0a, name.length]), name]) : Buffer.alloc(0)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

const answerOf = (body: Buffer): ProbeAnswer => {
  const status = body.length >= 7 && body[5] === 0x08 ? (body[6] ?? 0) : 0
  return status === 1
    ? { ok: true, message: 'service healthy' }
    : { ok: false, message: `service unhealthy (responded with "${statuses[status] ?? 'UNKNOWN'}")` }
}
