import type { NodeConfig } from '../../node/kubelet/node-config.ts'
import { firstNodes, nthAddress } from '../cluster/profile-nodes.ts'
import type { NodeSpec } from './cluster.ts'

/** The size of a node that says nothing else: the same on every machine, so that a test's Pods fit everywhere or nowhere. */
const defaultNode = { cpu: 8, memoryBytes: 16 * 2 ** 30, pods: 110, ephemeralStorageBytes: 100 * 2 ** 30 }

/** The nodes asked for, as their kubelets are told. The first may also run what only a control plane may. */
export function nodeConfigsOf(wanted: number | readonly NodeSpec[], nodeCIDR: string): NodeConfig[] {
  const specs: readonly NodeSpec[] = typeof wanted === 'number' ? Array.from({ length: checked(wanted) }, () => ({})) : wanted
  const usual = firstNodes('default', nodeCIDR, specs.length)
  return specs.map(({ name, labels, taints, ...size }, at) => ({
    name: name ?? usual[at]?.name ?? '',
    roles: at === 0 ? ['control-plane', 'worker'] : ['worker'],
    internalIP: nthAddress(nodeCIDR, at + 11),
    capacity: { ...defaultNode, ...size },
    ...(labels ? { labels } : {}),
    ...(taints ? { taints } : {}),
  }))
}

function checked(count: number): number {
  if (Number.isInteger(count) && count >= 0) return count
  throw new RangeError(`nodes: ${count} is not a number of nodes`)
}
