import { nodeNames, nthAddress, type Profile } from './profile.ts'

/** The addresses that follow from a profile's ranges. */
export interface Layout {
  readonly nodes: readonly { readonly name: string; readonly ip: string }[]
  /** Where the gateway listens inside the profile's network namespace. */
  readonly gatewayIP: string
  readonly dnsIP: string
  readonly kubernetesIP: string
  readonly agentApiPort: number
}

export function layoutOf(profile: Pick<Profile, 'name' | 'nodes' | 'ranges'>): Layout {
  const { nodeCIDR, serviceCIDR } = profile.ranges
  return {
    nodes: nodeNames(profile).map((name, index) => ({ name, ip: nthAddress(nodeCIDR, index + 11) })),
    gatewayIP: nthAddress(nodeCIDR, 10),
    dnsIP: nthAddress(serviceCIDR, 10),
    kubernetesIP: nthAddress(serviceCIDR, 1),
    agentApiPort: 6443,
  }
}
