import { isDeepStrictEqual } from 'node:util'
import { nodes } from '../../base/api/kinds.ts'
import type { Node } from '../../base/api/generated/types.ts'
import { createInformer } from '../../base/client/informer.ts'
import { keepLease } from '../../base/client/lease.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { readMachineInfo } from './machine-info.ts'
import type { NodeContext } from './node-context.ts'
import { nodeLabels, nodeObject, nodeStatus, type NodeFacts } from './node-object.ts'

const statusEveryMs = 300_000
const checkEveryMs = 10_000
/** What upstream's kubelet tells of a node that begins. */
const healthyReasons = ['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID', 'NodeReady']

/** Keeps the Node object and its Lease: registers, posts the status every five minutes or on a change, registers again when deleted. Resolves after the first registration. */
export const registerNode = async (context: NodeContext): Promise<void> => {
  const { config, client, clock, log, signal, recorder, runtime, images } = context
  const machine = readMachineInfo(config.name)
  const facts = async (): Promise<NodeFacts> => ({
    config,
    machine,
    runtimeVersion: runtime.version,
    nowMs: clock.now(),
    images: await images.list().catch(() => []),
  })
  let node = await registered(context, await facts())
  let postedMs = 0
  recorder.event(node, 'Normal', 'Starting', 'Starting kubelet.')

  const post = async () => {
    const known = await facts()
    const status = nodeStatus(known, node.status)
    if (clock.monotonic() - postedMs < statusEveryMs && postedMs && isSameStatus(status, node.status)) return
    node = await client.patch(nodes, { name: config.name }, { status }, { type: 'merge', subresource: 'status' })
    postedMs = clock.monotonic()
  }
  const turn = async () => {
    try {
      await post()
    } catch (error) {
      if (isStatusError(error, 'NotFound')) node = await registered(context, await facts())
      else throw error
    }
  }
  const loop = async () => {
    while (!signal.aborted) {
      await clock.sleep(checkEveryMs, signal).catch(() => undefined)
      if (!signal.aborted) await turn().catch((error: Error) => log.warn({ node: config.name, error: error.message }, 'node status not posted'))
    }
  }
  await turn()
  for (const reason of healthyReasons) recorder.event(node, 'Normal', reason, `Node ${config.name} status is now: ${reason}`)
  void loop()
  void keepLease({
    client,
    clock,
    log,
    signal,
    namespace: 'kube-node-lease',
    name: config.name,
    holderIdentity: config.name,
    ownerReferences: () => [ownerOf(node)],
  })
  watchOwnNode(context, {
    // Declared silent by a controller: an agent that was suspended says at once that it is back.
    onSeen: async (seen) => {
      if (Number(seen.metadata.resourceVersion) > Number(node.metadata.resourceVersion)) node = seen
      if (node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'True')) await turn()
    },
    onDeleted: async () => {
      node = await registered(context, await facts())
      postedMs = 0
      await turn()
    },
  })
}

const ownerOf = (node: Node) => ({ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid })

interface OwnNodeListener {
  readonly onSeen: (node: Node) => Promise<void>
  readonly onDeleted: () => Promise<void>
}

const watchOwnNode = ({ client, config, clock, log, signal }: NodeContext, { onSeen, onDeleted }: OwnNodeListener): void => {
  const informer = createInformer(client, nodes, { clock, log, signal, fieldSelector: `metadata.name=${config.name}` })
  informer.onChange(({ old, object }) => {
    if ((object ?? old)?.metadata.name !== config.name || signal.aborted) return
    const told = object ? onSeen(object) : onDeleted()
    told.catch((error: Error) => log.warn({ node: config.name, error: error.message }, 'node not brought up to date'))
  })
}

/** Creates the Node, or brings the labels of the existing one up to date. Tries until the API answers. */
const registered = async ({ client, config, clock, log, signal }: NodeContext, facts: NodeFacts): Promise<Node> => {
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2_000)) {
    try {
      return await createOrAdopt(client, config.name, facts)
    } catch (error) {
      log.debug({ node: config.name, error: (error as Error).message }, 'not registered yet')
      await clock.sleep(delayMs, signal)
    }
  }
}

const createOrAdopt = async (client: NodeContext['client'], name: string, facts: NodeFacts): Promise<Node> => {
  try {
    return await client.create<Node>(nodes, nodeObject(facts))
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error
  }
  const existing: Node = await client.get(nodes, { name })
  const labels = nodeLabels(facts)
  if (Object.entries(labels).every(([key, value]) => existing.metadata.labels?.[key] === value)) return existing
  return client.patch<Node>(nodes, { name }, { metadata: { labels } }, { type: 'merge' })
}

/** Heartbeats aside, whether nothing changed. */
const isSameStatus = (a: Node['status'], b: Node['status'] | undefined): boolean => {
  const timeless = (status: Node['status'] | undefined) =>
    JSON.parse(JSON.stringify({ ...status, conditions: status?.conditions?.map(({ lastHeartbeatTime: _, ...condition }) => condition) })) as unknown
  return isDeepStrictEqual(timeless(a), timeless(b))
}
