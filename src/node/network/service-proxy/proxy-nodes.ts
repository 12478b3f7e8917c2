import { containsIp, parseCidr } from '../../../base/lib/cidr.ts'
import type { ProxyNode } from './bindings.ts'

/** The node that an address belongs to: its own, or one of its Pods'. */
export const nodeOfAddress = (nodes: readonly ProxyNode[], ip: string): string | undefined =>
  nodes.find((node) => node.ip === ip || (node.podCIDR !== undefined && containsIp(parseCidr(node.podCIDR), ip)))?.name
