// `kubectl get pods`: how the state of a Pod is told in one line.
import { ageText } from '../../duration.ts'
import type { ContainerState, ContainerStatus, Pod } from '../../generated/types.ts'
import type { ColumnOf } from '../../resource.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { none } from '../text.ts'

export interface PodSummary {
  readonly ready: number
  readonly total: number
  /** The STATUS text: `Running`, `Init:0/2`, `CrashLoopBackOff`, `Terminating` and the like. */
  readonly reason: string
  readonly restarts: number
  /** When a container last ended before its restart. */
  readonly lastRestart?: string
}

interface Tally {
  readonly reason?: string
  readonly ready: number
  readonly restarts: number
  readonly ended: readonly string[]
}

export const summarizePod = (pod: Pod): PodSummary => {
  const sidecars = new Set((pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always').map((container) => container.name))
  const init = tallyInit(pod, sidecars)
  const initialized = hasCondition(pod, 'Initialized')
  const useMain = init.reason === undefined || initialized
  const main = useMain ? tallyMain(pod) : undefined
  const shownInit = useMain ? initOf(pod, sidecars) : init
  const lastRestart = [...shownInit.ended, ...(main?.ended ?? [])].sort().at(-1)
  return {
    total: pod.spec.containers.length + sidecars.size,
    ready: init.ready + (main?.ready ?? 0),
    restarts: shownInit.restarts + (main?.restarts ?? 0),
    reason: finalReason(pod, main?.reason ?? init.reason ?? phaseReason(pod)),
    ...(lastRestart === undefined ? {} : { lastRestart }),
  }
}

const hasCondition = (pod: Pod, type: string): boolean =>
  pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false

const phaseReason = (pod: Pod): string => {
  const gated = pod.status?.conditions?.some((condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated')
  return gated ? 'SchedulingGated' : pod.status?.reason || pod.status?.phase || ''
}

const finalReason = (pod: Pod, reason: string): string => {
  if (!pod.metadata.deletionTimestamp) return reason
  if (pod.status?.reason === 'NodeLost') return 'Unknown'
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed' ? reason : 'Terminating'
}

const endedAt = (status: ContainerStatus): string[] => (status.lastState?.terminated?.finishedAt ? [status.lastState.terminated.finishedAt] : [])

const terminatedReason = ({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string =>
  reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`)

/** Init containers up to the first that is not done; its state is the reason. */
const tallyInit = (pod: Pod, sidecars: ReadonlySet<string>): Tally => {
  let [ready, restarts] = [0, 0]
  const ended: string[] = []
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    restarts += status.restartCount
    ended.push(...endedAt(status))
    const { terminated, waiting } = status.state ?? {}
    if (terminated?.exitCode === 0) continue
    if (sidecars.has(status.name) && status.started) {
      if (status.ready) ready++
      continue
    }
    if (terminated) return { reason: `Init:${terminatedReason(terminated)}`, ready, restarts, ended }
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return { reason: `Init:${waiting.reason}`, ready, restarts, ended }
    return { reason: `Init:${i}/${pod.spec.initContainers?.length ?? 0}`, ready, restarts, ended }
  }
  return { ready, restarts, ended }
}

/** Once the Pod is initialized only the restarts of sidecars count among those of init containers. */
const initOf = (pod: Pod, sidecars: ReadonlySet<string>): Tally => {
  const statuses = (pod.status?.initContainerStatuses ?? []).filter((status) => sidecars.has(status.name))
  return { ready: 0, restarts: statuses.reduce((sum, status) => sum + status.restartCount, 0), ended: statuses.flatMap(endedAt) }
}

const tallyMain = (pod: Pod): Tally => {
  const statuses = pod.status?.containerStatuses ?? []
  const reasons = statuses.map(({ state }) => state?.waiting?.reason || (state?.terminated ? terminatedReason(state.terminated) : undefined))
  const ready = statuses.filter((status, i) => reasons[i] === undefined && status.ready && status.state?.running).length
  const first = reasons.find((reason) => reason !== undefined)
  const reason = first === 'Completed' && ready > 0 ? (hasCondition(pod, 'Ready') ? 'Running' : 'NotReady') : first
  return {
    ready,
    ...(reason === undefined ? {} : { reason }),
    restarts: statuses.reduce((sum, status) => sum + status.restartCount, 0),
    ended: statuses.flatMap(endedAt),
  }
}

const restartsText = ({ restarts, lastRestart }: PodSummary, now: number): string =>
  restarts > 0 && lastRestart ? `${restarts} (${ageText(lastRestart, now)} ago)` : String(restarts)

const gatesText = (pod: Pod): string => {
  const gates = pod.spec.readinessGates ?? []
  return gates.length === 0 ? none : `${gates.filter((gate) => hasCondition(pod, gate.conditionType)).length}/${gates.length}`
}

export const podColumns: readonly ColumnOf<Pod>[] = [
  nameColumn,
  column('Ready', (pod) => `${summarizePod(pod).ready}/${summarizePod(pod).total}`, { description: 'How many containers are ready, of how many.' }),
  column('Status', (pod) => summarizePod(pod).reason, { description: 'The state of the Pod and its containers in one word.' }),
  column('Restarts', (pod, { now }) => restartsText(summarizePod(pod), now), { description: 'How often containers were restarted, and when last.' }),
  ageColumn,
  wide('IP', (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || none, { description: "The Pod's address." }),
  wide('Node', (pod) => pod.spec.nodeName || none, { description: 'The node that the Pod is bound to.' }),
  wide('Nominated Node', (pod) => pod.status?.nominatedNodeName || none, { description: 'The node that preemption made room on.' }),
  wide('Readiness Gates', gatesText, { description: 'How many readiness gates are true, of how many.' }),
]
