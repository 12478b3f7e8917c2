export type NodeRole = 'control-plane' | 'worker'

/** A virtual node of this agent. */
export interface NodeConfig {
  readonly name: string
  readonly roles: readonly NodeRole[]
  readonly internalIP: string
  readonly externalIP?: string
  readonly capacity: NodeCapacity
  /** Beside those that the roles bring. */
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
  readonly labels?: Readonly<Record<string, string>>
}

export interface NodeCapacity {
  /** Cores; fractions are allowed. */
  readonly cpu: number
  readonly memoryBytes: number
  readonly pods: number
  readonly ephemeralStorageBytes: number
}

/** What the kubelet says it is compatible with. */
export const kubeletVersion = 'v1.36.0'
