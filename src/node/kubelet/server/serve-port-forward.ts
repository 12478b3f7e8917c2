import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Kubelets } from '../start-kubelets.ts'
import { SpdyConnection, type SpdyStream } from '../streaming/spdy-connection.ts'
import { acceptSpdy } from '../streaming/spdy-exec.ts'
import { refusePart, RequestError } from './pod-request.ts'
import type { UpgradeRequest } from './serve-exec.ts'

/** `/portForward/{namespace}/{pod}`: each request is a pair of streams, `error` and `data`, with a port and a request id. */
export const servePortForward = async (options: { kubelets: Kubelets; segments: readonly string[]; upgrade: UpgradeRequest }): Promise<void> => {
  const [namespace = '', name = ''] = options.segments
  refusePart(options.kubelets, { namespace, name })
  const found = options.kubelets.findPod(namespace, name)
  if (!found) throw new RequestError(404, `pod "${name}" not found`)
  const { worker, kubelet } = found
  const { sandbox } = worker.state
  if (!sandbox) throw new RequestError(400, `pod "${name}" has no sandbox yet`)
  const waiting = new Map<string, SpdyStream>()
  new SpdyConnection({
    socket: await acceptForward(options.upgrade),
    onStream: (stream) => {
      const id = stream.headers.requestid ?? stream.headers.port ?? ''
      const other = waiting.get(id)
      if (!other) return void waiting.set(id, stream)
      waiting.delete(id)
      const [error, data] = stream.headers.streamtype === 'data' ? [other, stream] : [stream, other]
      const port = Number(stream.headers.port)
      void forward({
        port,
        name: `pod ${sandbox.id}, uid ${worker.pod.metadata.uid}`,
        data,
        error,
        connect: (number) => kubelet.context.runtime.portForward(sandbox.id, number),
      })
    },
  })
}

const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io'

/** SPDY/3.1 itself, or the same frames inside a WebSocket, as kubectl sends them since 1.31. */
const acceptForward = async (upgrade: UpgradeRequest): Promise<Duplex> => {
  const { headers } = upgrade.request
  const protocol = String(headers.upgrade ?? '').toLowerCase()
  if (protocol === 'spdy/3.1') return acceptSpdy(upgrade, 'portforward.k8s.io')
  const offered = String(headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((one) => one.trim())
  if (protocol !== 'websocket' || !offered.includes(tunnelProtocol))
    throw new RequestError(400, `unable to upgrade: neither SPDY/3.1 nor the subprotocol ${tunnelProtocol} was offered`)
  // ws refuses a subprotocol with a slash: it must not see the header, and the answer is added by hand.
  delete headers['sec-websocket-protocol']
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  server.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${tunnelProtocol}`))
  return new Promise((resolve) => server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => resolve(createWebSocketStream(socket))))
}

interface Forwarding {
  readonly port: number
  /** Of the Pod, for messages. */
  readonly name: string
  readonly data: SpdyStream
  readonly error: SpdyStream
  readonly connect: (port: number) => Promise<Duplex>
}

const forward = async ({ port, name, data, error, connect }: Forwarding): Promise<void> => {
  try {
    const socket = await connect(port)
    socket.on('error', () => socket.destroy())
    socket.pipe(data.duplex)
    data.duplex.pipe(socket)
    socket.once('close', () => {
      error.duplex.end()
      // What still comes has no reader any more, and must not hold the other streams back.
      data.duplex.resume().end()
    })
    data.duplex.once('close', () => socket.destroy())
  } catch (failure) {
    error.duplex.end(`error forwarding port ${port} to ${name}: ${(failure as Error).message}`)
    data.duplex.end()
  }
}
