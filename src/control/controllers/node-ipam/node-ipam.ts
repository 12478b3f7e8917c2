import type { Node } from '../../../base/api/generated/types.ts'
import { nodes } from '../../../base/api/kinds.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'
import { formatIpv4, type Ipv4Range, parseIpv4, parseIpv4Range } from '../lib/ipv4-range.ts'

const name = 'cidrAllocator'
const nodeBits = 24

/** Gives every node a /24 of the cluster's range. */
export const nodeIpamController: Controller = {
  name,
  serviceAccount: 'node-controller',
  start(context) {
    const all = context.informers.of(nodes)
    const range = parseIpv4Range(context.settings.clusterCIDR)
    const given = new Map<string, string>()
    return startController({
      ...machinery(context),
      name,
      // One at a time: the choice of a free range and its writing belong together.
      workers: 1,
      sources: [source(all, keysOfChange)],
      reconcile: (key) => reconcile({ ...context, all, range, given }, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly all: Informer<Node>
  readonly range: Ipv4Range
  /** What was given out and may not be in the cache yet, by node. */
  readonly given: Map<string, string>
}

const reconcile = async ({ all, range, given, client, recorder }: Context, key: string): Promise<void> => {
  const node = all.get(key)
  if (!node || node.spec?.podCIDR) {
    given.delete(key)
    return
  }
  const used = new Set([...given.values(), ...all.list().flatMap((other) => (other.spec?.podCIDR ? [other.spec.podCIDR] : []))])
  const podCIDR = given.get(key) ?? freeNodeRange(range, used)
  if (podCIDR === undefined) {
    recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${key} status is now: CIDRNotAvailable`)
    throw new Error(`no range of ${formatIpv4(range.first)} is left for node ${key}`)
  }
  given.set(key, podCIDR)
  await client.patch(nodes, { name: key }, { metadata: { uid: node.metadata.uid }, spec: { podCIDR, podCIDRs: [podCIDR] } }, { type: 'merge' })
}

/** The lowest free /24; a cluster range smaller than that goes to one node whole. */
export const freeNodeRange = ({ first, size }: Ipv4Range, used: ReadonlySet<string>): string | undefined => {
  const step = 2 ** (32 - nodeBits)
  if (size < step) return used.size === 0 ? `${formatIpv4(first)}/${32 - Math.log2(size)}` : undefined
  const taken = new Set([...used].map((cidr) => parseIpv4(cidr.split('/')[0] ?? '')))
  for (let address = first; address < first + size; address += step) if (!taken.has(address)) return `${formatIpv4(address)}/${nodeBits}`
  return undefined
}
