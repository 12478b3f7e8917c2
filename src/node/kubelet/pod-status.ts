import type { ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from '../../base/api/generated/types.ts'
import type { RuntimeContainer, Sandbox } from '../runtime/runtime.ts'
import { latestOf, restarts } from './pod-actions.ts'
import { containerSlots, isSidecar, type ContainerSlot } from './pod-names.ts'
import { podPhase, type PodPhase } from './pod-phase.ts'
import { qosClassOf } from '../../base/api/resources/pod-qos.ts'
import { stampOf as stamp } from '../../base/client/stamp.ts'

export interface StatusView {
  readonly pod: Pod
  readonly sandbox: Sandbox | undefined
  readonly containers: readonly RuntimeContainer[]
  readonly hostIP: string
  readonly startTime: string
  readonly nowMs: number
  /** The Pod was told to end and nothing of it runs any more. */
  readonly isTerminal: boolean
  /** Why a container cannot run now (ErrImagePull, CrashLoopBackOff …), by container name. */
  readonly waiting: ReadonlyMap<string, { readonly reason: string; readonly message?: string }>
  isReady(containerId: string, slot: ContainerSlot): boolean
  hasStarted(containerId: string, slot: ContainerSlot): boolean
  /** A verdict that overrides what the containers tell: a deadline, an eviction. */
  readonly verdict?: { readonly phase: PodPhase; readonly reason?: string; readonly message?: string }
}

/** The status the kubelet posts. Conditions of others stay as `pod.status` has them. */
export const podStatus = (view: StatusView): PodStatus => {
  const { pod, verdict } = view
  const phase = verdict && !isRunningAny(view) ? verdict.phase : finalPhase(view)
  const statuses = (roles: readonly ContainerSlot['role'][]) =>
    containerSlots(pod)
      .filter((slot) => roles.includes(slot.role))
      .map((slot) => containerStatus(view, slot))
  const initContainerStatuses = statuses(['init', 'sidecar'])
  const containerStatuses = statuses(['main'])
  const ephemeral = statuses(['ephemeral'])
  const ip = pod.spec.hostNetwork ? view.hostIP : view.sandbox?.ip
  return {
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    phase,
    conditions: podConditions(view, { phase, initContainerStatuses, containerStatuses }),
    ...(verdict?.reason ? { reason: verdict.reason } : {}),
    ...(verdict?.message ? { message: verdict.message } : {}),
    hostIP: view.hostIP,
    hostIPs: [{ ip: view.hostIP }],
    ...(ip ? { podIP: ip, podIPs: [{ ip }] } : {}),
    startTime: view.startTime,
    ...(initContainerStatuses.length ? { initContainerStatuses } : {}),
    containerStatuses,
    ...(ephemeral.length ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: pod.status?.qosClass ?? qosClassOf(pod.spec),
  }
}

const isRunningAny = (view: StatusView) => view.containers.some((container) => container.state === 'running')

// A phase that was final stays final.
const finalPhase = ({ pod, containers, isTerminal }: StatusView): PodPhase => {
  const before = pod.status?.phase
  return before === 'Succeeded' || before === 'Failed' ? before : podPhase(pod, containers, isTerminal)
}

const containerStatus = (view: StatusView, slot: ContainerSlot): ContainerStatus => {
  const { name } = slot.container
  const latest = latestOf(view.containers, name)
  const before = [...(view.pod.status?.initContainerStatuses ?? []), ...(view.pod.status?.containerStatuses ?? [])].find((one) => one.name === name)
  const previous =
    latest &&
    latestOf(
      view.containers.filter((one) => one !== latest),
      name,
    )
  const waiting = !latest || latest.state === 'created' || restarts(view.pod, slot, latest) ? view.waiting.get(name) : undefined
  const ended = latest?.state === 'exited' || latest?.state === 'unknown'
  const state: ContainerState = latest && !(waiting && latest.state !== 'running') ? stateOf(latest) : { waiting: waiting ?? defaultWaiting(view, slot) }
  const lastEnded = state.waiting && ended ? latest : previous
  const running = latest?.state === 'running'
  return {
    name,
    state,
    lastState: lastEnded ? stateOf(lastEnded) : !latest && before ? before.lastState : {},
    ready: isReady(view, slot, latest),
    restartCount: latest?.config.attempt ?? before?.restartCount ?? 0,
    image: slot.container.image ?? '',
    imageID: latest?.config.imageRef ?? latest?.config.imageId ?? '',
    ...(latest ? { containerID: `knarr://${latest.id}` } : {}),
    ...(slot.role === 'ephemeral' ? {} : { started: running === true && (slot.role === 'init' || view.hasStarted(latest.id, slot)) }),
    ...(running ? { user: { linux: linuxUser(latest.config.user) } } : {}),
    ...(latest && slot.container.resources && Object.keys(slot.container.resources).length && running
      ? { allocatedResources: slot.container.resources.requests, resources: slot.container.resources }
      : {}),
    ...(slot.container.volumeMounts?.length && latest
      ? {
          volumeMounts: slot.container.volumeMounts.map((mount) => ({
            name: mount.name,
            mountPath: mount.mountPath,
            ...(mount.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
          })),
        }
      : {}),
  } as ContainerStatus
}

/** An init container is when it is done; one that looks into a Pod never is. */
const isReady = (view: StatusView, slot: ContainerSlot, latest: RuntimeContainer | undefined): boolean => {
  if (slot.role === 'init') return latest?.state === 'exited' && latest.exitCode === 0
  return slot.role !== 'ephemeral' && latest?.state === 'running' && view.isReady(latest.id, slot)
}

// As the runtime tells it: the primary group is among the groups.
const linuxUser = ({ uid, gid, supplementalGroups }: RuntimeContainer['config']['user']) => ({ uid, gid, supplementalGroups: [gid, ...supplementalGroups] })

const defaultWaiting = (view: StatusView, slot: ContainerSlot) => ({
  reason: view.pod.spec.initContainers?.length && slot.role !== 'ephemeral' ? 'PodInitializing' : 'ContainerCreating',
})

/** A container's state in the API's words. */
export const stateOf = (container: RuntimeContainer): ContainerState => {
  if (container.state === 'running') return { running: { startedAt: stamp(container.startedAtMs ?? container.createdAtMs) } }
  if (container.state === 'created') return { waiting: { reason: 'ContainerCreating' } }
  const exitCode = container.exitCode ?? 137
  return {
    terminated: {
      exitCode,
      reason: container.reason ?? (container.state === 'unknown' ? 'ContainerStatusUnknown' : exitCode === 0 ? 'Completed' : 'Error'),
      ...(container.message ? { message: container.message } : {}),
      startedAt: stamp(container.startedAtMs ?? container.createdAtMs),
      finishedAt: stamp(container.finishedAtMs ?? container.createdAtMs),
      containerID: `knarr://${container.id}`,
    },
  }
}

interface Parts {
  readonly phase: PodPhase
  readonly initContainerStatuses: readonly ContainerStatus[]
  readonly containerStatuses: readonly ContainerStatus[]
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>

const ours = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']

const podConditions = (view: StatusView, parts: Parts): PodCondition[] => {
  const before = view.pod.status?.conditions ?? []
  const ready = readyVerdict(view, parts)
  const scheduled = before.find((condition) => condition.type === 'PodScheduled')
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: view.sandbox?.state === 'ready' && (view.sandbox.ip || view.pod.spec.hostNetwork) ? 'True' : 'False' }],
    ['Initialized', initializedVerdict(view, parts)],
    ['Ready', gated(view.pod, before, ready)],
    ['ContainersReady', ready],
    ['PodScheduled', { status: 'True', ...(scheduled?.reason ? { reason: scheduled.reason } : {}) }],
  ]
  return [...verdicts.map(([type, verdict]) => condition(view, type, verdict)), ...before.filter(({ type }) => !ours.includes(type))]
}

const condition = ({ pod, nowMs }: StatusView, type: string, verdict: Verdict): PodCondition => {
  const before = pod.status?.conditions?.find((one) => one.type === type)
  return {
    type,
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    status: verdict.status,
    lastProbeTime: null as unknown as string,
    lastTransitionTime: before?.status === verdict.status && before.lastTransitionTime ? before.lastTransitionTime : stamp(nowMs),
    ...(verdict.reason ? { reason: verdict.reason } : {}),
    ...(verdict.message ? { message: verdict.message } : {}),
  }
}

const initializedVerdict = ({ pod }: StatusView, { phase, initContainerStatuses, containerStatuses }: Parts): Verdict => {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map((container) => container.name)
  const pending = initContainerStatuses.filter((status) => !status.ready && !(sidecars.includes(status.name) && (status.started || status.restartCount > 0)))
  if (!pending.length || containerStatuses.some((status) => status.containerID)) return { status: 'True' }
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${pending.map((status) => status.name).join(' ')}]`,
  }
}

const readyVerdict = ({ pod }: StatusView, { phase, initContainerStatuses, containerStatuses }: Parts): Verdict => {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map((container) => container.name)
  const relevant = [...initContainerStatuses.filter((status) => sidecars.includes(status.name)), ...containerStatuses]
  const unready = relevant.filter((status) => !status.ready).map((status) => status.name)
  if (!unready.length) return { status: 'True' }
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
}

const gated = (pod: Pod, conditions: readonly PodCondition[], ready: Verdict): Verdict => {
  if (ready.status !== 'True') return ready
  const messages = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = conditions.find((one) => one.type === conditionType)
    if (!found) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    return found.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`]
  })
  return messages.length ? { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') } : ready
}
