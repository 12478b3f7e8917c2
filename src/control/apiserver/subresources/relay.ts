import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Pod } from '../../../base/api/generated/types.ts'
import { nodes } from '../../../base/api/kinds.ts'
import { StatusError, type StatusReason } from '../../../base/machinery/status-error.ts'
import { type Call, createReader, type NodeEndpoint } from '../context.ts'
import { badRequest, internal, invalid, notFound } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import type { SubresourceContext } from './index.ts'
import { validateLogOptions } from './log-options.ts'

/** Where on which node's kubelet endpoint the request goes on. */
export interface RelayTarget {
  readonly endpoint: NodeEndpoint
  /** Path and query. */
  readonly path: string
}

const kubeletPaths: Readonly<Record<string, string>> = { log: 'containerLogs', exec: 'exec', attach: 'attach', portforward: 'portForward' }
const maxErrorBytes = 4096
const keepAliveMs = 30_000

/** `pods/log` goes to the kubelet and streams back; the others need an upgraded connection, which the listener relays. */
export async function relaySubresource(ctx: SubresourceContext, call: Call): Promise<Outcome | undefined> {
  const { route, request } = call
  if (route.verb !== 'get' && route.verb !== 'create') return undefined
  if (route.subresource !== 'log') {
    relayTarget(ctx, call)
    throw badRequest('Upgrade request required')
  }
  if (route.verb !== 'get') return undefined
  const faults = validateLogOptions(new URLSearchParams(request.query))
  if (faults.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, route.name, faults)
  const target = relayTarget(ctx, call)
  if (!target) return { type: 'response', response: { status: 200, headers: { 'content-type': 'text/plain' }, body: '' } }
  const answer = await fetchFrom(target, request.signal)
  if ((answer.statusCode ?? 500) >= 300) throw await refusalOf(answer)
  return { type: 'response', response: { status: 200, headers: { 'content-type': 'text/plain' }, stream: answer as AsyncIterable<Uint8Array> } }
}

/** Checks Pod and container as upstream words it. Undefined: the logs of a Pod that has no node yet. */
export function relayTarget(ctx: SubresourceContext, { resource, route, request }: Call): RelayTarget | undefined {
  const pod = ctx.storage.get(resource, route)?.object as Pod | undefined
  if (!pod) throw notFound(resource.kind, route.name)
  const { subresource, namespace, name } = route
  const query = new URLSearchParams(request.query)
  const container = subresource === 'portforward' ? undefined : containerOf(pod, query.get('container') ?? '')
  query.delete('container')
  const { nodeName } = pod.spec
  if (!nodeName) {
    if (subresource === 'log') return undefined
    throw badRequest(`pod ${name} does not have a host assigned`)
  }
  const phase = pod.status?.phase
  if ((subresource === 'exec' || subresource === 'attach') && (phase === 'Succeeded' || phase === 'Failed')) {
    throw badRequest(`cannot ${subresource === 'exec' ? 'exec into' : 'attach'} a container in a completed pod; current phase is ${phase}`)
  }
  if (subresource === 'exec' && query.getAll('command').length === 0) throw badRequest('you must specify at least 1 command for the container')
  const endpoint = ctx.nodeDialer(nodeName)
  const place = [kubeletPaths[subresource], namespace, name, ...(container ? [container] : [])].map((part) => encodeURIComponent(part!)).join('/')
  const text = query.toString()
  const path = `/${place}${text ? `?${text}` : ''}`
  if (!endpoint) throw unreachable(ctx, nodeName, { subresource, path })
  return { endpoint, path }
}

/** As where the node's machine is switched off: nobody answers at its address. */
function unreachable(ctx: SubresourceContext, nodeName: string, { subresource, path }: { subresource: string; path: string }): StatusError {
  const node = createReader(ctx.registry, ctx.storage).get(nodes, { name: nodeName })
  const address = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? nodeName
  const host = `${address}:${node?.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10250}`
  const asked = subresource === 'log' ? `Get "https://${host}${path}"` : 'error dialing backend'
  return new StatusError('InternalError', `${asked}: dial tcp ${host}: connect: no route to host`, undefined, { code: 500 })
}

function containerOf(pod: Pod, asked: string): string {
  const { name } = pod.metadata
  const names = (list: readonly { readonly name: string }[] | undefined) => (list ?? []).map((container) => container.name)
  const { containers, initContainers, ephemeralContainers } = pod.spec
  if (asked) {
    if ([...names(containers), ...names(initContainers), ...names(ephemeralContainers)].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${name}`)
  }
  if (containers.length === 1) return containers[0]!.name
  const init = initContainers?.length ? ` or one of the init containers: [${names(initContainers).join(' ')}]` : ''
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names(containers).join(' ')}]${init}`)
}

const fetchFrom = ({ endpoint, path }: RelayTarget, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest({ socketPath: endpoint.socketPath, path, method: 'GET', headers: { host: 'localhost' }, signal, agent: false }, resolve)
    sent.once('error', (error) => reject(internal(`error dialing backend: ${error.message}`, error)))
    sent.end()
  })

const reasons: Readonly<Record<number, StatusReason>> = { 400: 'BadRequest', 403: 'Forbidden', 404: 'NotFound', 503: 'ServiceUnavailable' }

async function refusalOf(answer: IncomingMessage): Promise<StatusError> {
  let text = ''
  for await (const chunk of answer) {
    text += String(chunk)
    if (text.length > maxErrorBytes) break
  }
  const code = answer.statusCode ?? 500
  return new StatusError(reasons[code] ?? 'InternalError', text.trim(), undefined, { code })
}

/** Sends the client's own request head on and joins the two sockets: bytes both ways, untouched. */
export function relayUpgrade({ endpoint, path }: RelayTarget, incoming: { method: string; rawHeaders: readonly string[] }, socket: Duplex, head: Buffer): void {
  const backend = connect(endpoint.socketPath)
  // A client that went while nothing of it was read is noticed only so.
  if (socket instanceof Socket) socket.setKeepAlive(true, keepAliveMs)
  const lines = [`${incoming.method} ${path} HTTP/1.1`]
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    const [name, value] = [incoming.rawHeaders[i]!, incoming.rawHeaders[i + 1]!]
    if (name.toLowerCase() !== 'authorization') lines.push(`${name}: ${value}`)
  }
  backend.once('connect', () => {
    backend.write(`${lines.join('\r\n')}\r\n\r\n`)
    if (head.length) backend.write(head)
    backend.pipe(socket)
    socket.pipe(backend)
  })
  backend.once('error', (error) => {
    if (!socket.destroyed && backend.bytesRead === 0) {
      const body = JSON.stringify(internal(`error dialing backend: ${error.message}`).toStatus())
      socket.write(
        `HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      )
    }
    socket.end()
  })
  backend.once('close', () => socket.end())
  socket.once('close', () => backend.destroy())
}
