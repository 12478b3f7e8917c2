import type { Node } from '../../../base/api/generated/types.ts'
import { nodes } from '../../../base/api/kinds.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'
import { type Cidr, numberToIp, parseCidr } from '../../../base/lib/cidr.ts'

const name = 'cidrAllocator'
const nodeBits = 24

/** Gives every node a /24 of the cluster's range. */
export const nodeIpamController: Controller = {
  name,
  serviceAccount: 'node-controller',
  start(context) {
    const all = context.informers.of(nodes)
    const range = parseCidr(context.settings.clusterCIDR)
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
  readonly range: Cidr
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
    throw new Error(`no range of ${numberToIp(range.base)} is left for node ${key}`)
  }
  given.set(key, podCIDR)
  await client.patch(nodes, { name: key }, { metadata: { uid: node.metadata.uid }, spec: { podCIDR, podCIDRs: [podCIDR] } }, { type: 'merge' })
}

/** The lowest free /24; a cluster range smaller than that goes to one node whole. */
export const freeNodeRange = ({ base, size }: Cidr, used: ReadonlySet<string>): string | undefined => {
  const step = 2 ** (32 - nodeBits)
  if (size < step) return used.size === 0 ? `${numberToIp(base)}/${32 - Math.log2(size)}` : undefined
  const taken = new Set([...used].map((cidr) => cidr.split('/')[0]))
  for (let address = base; address < base + size; address += step) if (!taken.has(numberToIp(address))) return `${numberToIp(address)}/${nodeBits}`
  return undefined
}
