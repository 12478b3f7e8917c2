import type { Node, NodeCondition, Taint } from '../../../base/api/generated/types.ts'
import { stampOf } from '../../../base/client/stamp.ts'

/** The last sign of life of a node, and when (on our monotonic clock) we saw it change. */
export interface Heard {
  readonly beat: string
  readonly atMs: number
}

export const hear = (before: Heard | undefined, beat: string, nowMs: number): Heard => (before?.beat === beat ? before : { beat, atMs: nowMs })

export const nodeCondition = (node: Node, type: string): NodeCondition | undefined => node.status?.conditions?.find((condition) => condition.type === type)

const heartbeatConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const

/** The conditions of a node that has been silent for too long: everything that it used to tell is unknown now. */
export const silentConditions = (node: Node, nowMs: number): readonly NodeCondition[] => {
  const current = node.status?.conditions ?? []
  const others = current.filter((condition) => !heartbeatConditions.some((type) => type === condition.type))
  return [...heartbeatConditions.map((type) => unknown(node, type, nowMs)), ...others]
}

const unknown = (node: Node, type: string, nowMs: number): NodeCondition => {
  const current = nodeCondition(node, type)
  if (current?.status === 'Unknown') return current
  const lastTransitionTime = stampOf(nowMs)
  if (!current) {
    const lastHeartbeatTime = node.metadata.creationTimestamp
    return { type, status: 'Unknown', lastHeartbeatTime, lastTransitionTime, reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' }
  }
  return { ...current, status: 'Unknown', lastTransitionTime, reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }
}

const taint = (name: string, effect: 'NoSchedule' | 'NoExecute'): Taint => ({ key: `node.kubernetes.io/${name}`, effect })

const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: 'memory-pressure',
  DiskPressure: 'disk-pressure',
  PIDPressure: 'pid-pressure',
  NetworkUnavailable: 'network-unavailable',
}

const managed: ReadonlySet<string> = new Set(
  [
    ...['not-ready', 'unreachable'].flatMap((name) => [taint(name, 'NoSchedule'), taint(name, 'NoExecute')]),
    ...[...Object.values(pressureTaints), 'unschedulable'].map((name) => taint(name, 'NoSchedule')),
  ].map(({ key, effect }) => `${key}:${effect}`),
)

const isManaged = ({ key, effect }: Taint): boolean => managed.has(`${key}:${effect}`)

/** What a node's conditions and its `unschedulable` say in taints. */
const conditionTaints = (node: Node): readonly Taint[] => {
  const ready = nodeCondition(node, 'Ready')?.status
  const lost = ready === 'False' ? 'not-ready' : ready === 'Unknown' ? 'unreachable' : undefined
  const pressures = Object.entries(pressureTaints).filter(([type]) => nodeCondition(node, type)?.status === 'True')
  return [
    ...(lost ? [taint(lost, 'NoSchedule'), taint(lost, 'NoExecute')] : []),
    ...pressures.map(([, name]) => taint(name, 'NoSchedule')),
    ...(node.spec?.unschedulable ? [taint('unschedulable', 'NoSchedule')] : []),
  ]
}

/** The node's taints as they should be, or undefined where they are so already. Taints of others stay; so does the first not-ready, until the kubelet has spoken. */
export const wantedTaints = (node: Node, nowMs: number): readonly Taint[] | undefined => {
  if (!nodeCondition(node, 'Ready')) return undefined
  const current = node.spec?.taints ?? []
  const wanted = conditionTaints(node)
  const has = (taints: readonly Taint[], one: Taint) => taints.some(({ key, effect }) => key === one.key && effect === one.effect)
  const kept = current.filter((one) => !isManaged(one) || has(wanted, one))
  const added = wanted.filter((one) => !has(current, one)).map((one) => ({ ...one, timeAdded: stampOf(nowMs) }))
  return kept.length === current.length && added.length === 0 ? undefined : [...kept, ...added]
}
