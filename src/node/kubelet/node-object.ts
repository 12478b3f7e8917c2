import type { Node, NodeCondition, NodeStatus, Taint } from '../../base/api/generated/types.ts'
import type { Draft } from '../../base/api/object.ts'
import type { Image } from '../images/image-store.ts'
import type { MachineInfo } from './machine-info.ts'
import { kubeletVersion, type NodeCapacity, type NodeConfig } from './node-config.ts'
import { stampOf as stamp } from '../../base/client/stamp.ts'

export interface NodeFacts {
  readonly config: NodeConfig
  readonly machine: MachineInfo
  readonly runtimeVersion: string
  readonly images: readonly Image[]
  readonly nowMs: number
}

const controlPlane = 'node-role.kubernetes.io/control-plane'

export const nodeLabels = ({ config, machine }: Pick<NodeFacts, 'config' | 'machine'>): Record<string, string> => ({
  'beta.kubernetes.io/arch': machine.architecture,
  'beta.kubernetes.io/os': 'linux',
  'kubernetes.io/arch': machine.architecture,
  'kubernetes.io/hostname': config.name,
  'kubernetes.io/os': 'linux',
  ...(config.roles.includes('control-plane') ? { [controlPlane]: '', 'node.kubernetes.io/exclude-from-external-load-balancers': '' } : {}),
  ...config.labels,
})

const nodeTaints = (config: NodeConfig): Taint[] => [
  ...(config.roles.includes('control-plane') && !config.roles.includes('worker') ? [{ key: controlPlane, effect: 'NoSchedule' }] : []),
  ...(config.taints ?? []),
]

export const resourcesOf = (capacity: NodeCapacity): Record<string, string> => ({
  cpu: Number.isInteger(capacity.cpu) ? String(capacity.cpu) : `${Math.round(capacity.cpu * 1000)}m`,
  'ephemeral-storage': `${Math.floor(capacity.ephemeralStorageBytes / 1024)}Ki`,
  'hugepages-1Gi': '0',
  'hugepages-2Mi': '0',
  memory: `${Math.floor(capacity.memoryBytes / 1024)}Ki`,
  pods: String(capacity.pods),
})

const healthy = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
] as const

/** Ours, with the transition time kept while the status stays; conditions that others own stay behind them. */
export const nodeConditions = (old: readonly NodeCondition[], nowMs: number): NodeCondition[] => {
  const ours = healthy.map(([type, status, reason, message]) => {
    const before = old.find((condition) => condition.type === type)
    const lastTransitionTime = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : stamp(nowMs)
    return { type, status, lastHeartbeatTime: stamp(nowMs), lastTransitionTime, reason, message }
  })
  return [...old.filter((condition) => !healthy.some(([type]) => type === condition.type)), ...ours]
}

/** The status a kubelet posts, on top of what is there. */
export const nodeStatus = (facts: NodeFacts, old?: NodeStatus): NodeStatus => ({
  ...old,
  capacity: resourcesOf(facts.config.capacity),
  allocatable: resourcesOf(facts.config.capacity),
  conditions: nodeConditions(old?.conditions ?? [], facts.nowMs),
  addresses: [
    { type: 'InternalIP', address: facts.config.internalIP },
    ...(facts.config.externalIP ? [{ type: 'ExternalIP', address: facts.config.externalIP }] : []),
    { type: 'Hostname', address: facts.config.name },
  ],
  daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
  nodeInfo: {
    ...facts.machine,
    containerRuntimeVersion: facts.runtimeVersion,
    kubeletVersion,
    kubeProxyVersion: '',
    operatingSystem: 'linux',
  },
  images: nodeImages(facts.images),
})

// As upstream: the 50 largest.
const nodeImages = (images: readonly Image[]) =>
  [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
    .slice(0, 50)
    .map((image) => ({ names: [...image.repoDigests, ...image.tags], sizeBytes: image.sizeBytes }))

export const nodeObject = (facts: NodeFacts): Draft<Node> => ({
  metadata: {
    name: facts.config.name,
    labels: nodeLabels(facts),
    annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
  },
  spec: { taints: nodeTaints(facts.config) },
  status: nodeStatus(facts),
})
