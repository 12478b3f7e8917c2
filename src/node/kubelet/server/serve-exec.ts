import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { execProtocols, websocketChannels } from '../streaming/websocket-channels.ts'
import { failureStatus, joinExec, type ExecChannels } from '../streaming/exec-session.ts'
import { acceptSpdyExec } from '../streaming/spdy-exec.ts'
import type { Kubelets } from '../start-kubelets.ts'
import { findContainer, RequestError, runningContainer, type PodRequest } from './pod-request.ts'

export interface UpgradeRequest {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export interface ExecWants {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** The API server's names of the streams and the kubelet's own. */
export const execWants = (query: URLSearchParams): ExecWants => {
  const asks = (...names: string[]) => names.some((name) => ['true', '1'].includes(query.get(name) ?? ''))
  const tty = asks('tty')
  return { stdin: asks('stdin', 'input'), stdout: asks('stdout', 'output'), stderr: asks('stderr', 'error') && !tty, tty }
}

const webSocketServer = (): WebSocketServer =>
  new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => execProtocols.find((protocol) => offered.has(protocol)) ?? false,
  })

/** Makes of an upgrade request the channels of an exec, by WebSocket or SPDY/3.1. */
export const acceptChannels = (upgrade: UpgradeRequest, wants: ExecWants): Promise<ExecChannels> => {
  const protocol = String(upgrade.request.headers.upgrade ?? '').toLowerCase()
  if (protocol === 'spdy/3.1') return acceptSpdyExec(upgrade, wants)
  if (protocol !== 'websocket') throw new RequestError(400, `unable to upgrade: missing upgrade headers in request`)
  const offered = String(upgrade.request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((one) => one.trim())
  if (!execProtocols.some((one) => offered.includes(one))) throw new RequestError(400, `unable to upgrade: no supported subprotocol in [${offered.join(' ')}]`)
  return new Promise((resolve) =>
    webSocketServer().handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => resolve(websocketChannels(socket, wants))),
  )
}

/** `/exec/{namespace}/{pod}/{container}?command=…` */
export const serveExec = async (options: {
  kubelets: Kubelets
  segments: readonly string[]
  query: URLSearchParams
  upgrade: UpgradeRequest
}): Promise<void> => {
  const found = await findContainer(options.kubelets, options.segments)
  const container = runningContainer(found)
  const command = options.query.getAll('command')
  if (!command.length) throw new RequestError(400, 'you must specify at least 1 command')
  const wants = execWants(options.query)
  if (!wants.stdin && !wants.stdout && !wants.stderr) throw new RequestError(400, 'you must specify at least 1 of stdin, stdout, stderr')
  await run(found, container.id, command, wants, await acceptChannels(options.upgrade, wants))
}

const run = async ({ kubelet }: PodRequest, containerId: string, command: readonly string[], wants: ExecWants, channels: ExecChannels): Promise<void> => {
  try {
    const session = await kubelet.context.runtime.exec(containerId, { command, tty: wants.tty, stdin: wants.stdin })
    await joinExec(session, channels, command)
  } catch (error) {
    await channels.finish(failureStatus((error as Error).message))
  }
}
