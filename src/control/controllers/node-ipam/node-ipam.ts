import type { Node } from '../../../base/api/generated/types.ts'
import { nodes } from '../../../base/api/kinds.ts'
import type { Controller } from '../controller.ts'
import { type AllocatorContext, startAllocator } from '../lib/allocator.ts'
import { type Cidr, numberToIp } from '../../../base/lib/cidr.ts'

const name = 'cidrAllocator'
const nodeBits = 24

/** Gives every node a /24 of the cluster's range. */
export const nodeIpamController: Controller = {
  name,
  serviceAccount: 'node-controller',
  start(context) {
    return startAllocator(context, { name, kind: nodes, cidr: context.settings.clusterCIDR, reconcile })
  },
}

const reconcile = async ({ all, range, given, client, recorder }: AllocatorContext<Node>, key: string): Promise<void> => {
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
