import { connect } from 'node:net'
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
  const host = worker.pod.spec.hostNetwork ? kubelet.context.config.internalIP : worker.state.sandbox?.ip
  if (!host) throw new RequestError(400, `pod "${name}" has no address yet`)
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
      const name = `pod ${worker.state.sandbox?.id ?? ''}, uid ${worker.pod.metadata.uid}`
      forward({ host, port, name, data, error })
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

/** Go's words for what the system says. */
const dialErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'i/o timeout',
}

interface Forwarding {
  readonly host: string
  readonly port: number
  /** Of the Pod, for messages. */
  readonly name: string
  readonly data: SpdyStream
  readonly error: SpdyStream
}

const forward = ({ host, port, name, data, error }: Forwarding): void => {
  const socket = connect({ host, port, allowHalfOpen: true })
  socket.once('error', (failure: NodeJS.ErrnoException) => {
    const why = dialErrors[failure.code ?? ''] ?? failure.message
    error.duplex.end(`error forwarding port ${port} to ${name}: dial tcp4 ${host}:${port}: connect: ${why}`)
    data.duplex.end()
  })
  socket.once('connect', () => {
    socket.pipe(data.duplex)
    data.duplex.pipe(socket)
  })
  socket.once('close', () => void error.duplex.end())
  data.duplex.once('close', () => socket.destroy())
}
