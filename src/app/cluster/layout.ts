import { nthAddress } from './profile-nodes.ts'
import type { Profile, ProfileNode } from './profile.ts'

/** The addresses that follow from a profile's ranges and nodes. */
export interface Layout {
  /** The node whose address the API has inside the cluster. */
  readonly controlPlane: ProfileNode
  /** Where the gateway listens inside the profile's network namespace. */
  readonly gatewayIP: string
  readonly dnsIP: string
  readonly kubernetesIP: string
  readonly agentApiPort: number
}

export function layoutOf({ name, nodes, ranges }: Pick<Profile, 'name' | 'nodes' | 'ranges'>): Layout {
  const controlPlane = nodes.find((node) => node.role === 'control-plane')
  if (!controlPlane) throw new Error(`profile ${name} has no control plane`)
  return {
    controlPlane,
    gatewayIP: nthAddress(ranges.nodeCIDR, 10),
    dnsIP: nthAddress(ranges.serviceCIDR, 10),
    kubernetesIP: nthAddress(ranges.serviceCIDR, 1),
    agentApiPort: 6443,
  }
}
