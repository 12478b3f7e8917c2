import type { Container, Pod } from '../../base/api/generated/types.ts'
import type { RuntimeContainer, Sandbox } from '../runtime/runtime.ts'
import { containerSlots, isSidecar, type ContainerSlot } from './pod-names.ts'

/** What is known of a Pod at one moment. */
export interface PodView {
  readonly pod: Pod
  /** The sandbox in use: the one of the highest attempt. */
  readonly sandbox: Sandbox | undefined
  /** Of every attempt and sandbox. */
  readonly containers: readonly RuntimeContainer[]
  /** Set once the Pod has to end, whatever the reason. */
  readonly ending: boolean
  readonly probes: ProbeView
  /** Milliseconds a container that ended at `finishedAtMs` still has to wait. */
  remainingBackoffMs(container: string, finishedAtMs: number): number
  /** Containers being stopped, by id. */
  readonly stopping: ReadonlySet<string>
}

export interface ProbeView {
  /** Whether the startup probe has passed (true where there is none). */
  hasStarted(containerId: string, container: Container): boolean
  /** The probe that says the container has to be restarted. */
  failed(containerId: string): 'liveness' | 'startup' | undefined
}

export type PodAction =
  | { readonly type: 'runSandbox'; readonly attempt: number }
  | { readonly type: 'start'; readonly container: Container; readonly attempt: number }
  | { readonly type: 'backOff'; readonly container: Container; readonly remainingMs: number }
  | { readonly type: 'stop'; readonly containerId: string; readonly name: string; readonly cause: 'ending' | 'liveness' | 'startup' | 'sandbox' | 'finished' }
  | { readonly type: 'stopSandbox' }

type Outcome = 'none' | 'created' | 'running' | 'succeeded' | 'failed'

/** The newest attempt of a container, in any sandbox. */
export const latestOf = (containers: readonly RuntimeContainer[], name: string): RuntimeContainer | undefined =>
  containers.filter((one) => one.config.name === name).sort((a, b) => b.config.attempt - a.config.attempt)[0]

export const outcomeOf = (container: RuntimeContainer | undefined): Outcome => {
  if (!container) return 'none'
  if (container.state === 'created') return 'created'
  if (container.state === 'running') return 'running'
  return container.exitCode === 0 ? 'succeeded' : 'failed'
}

/** Whether an ended container is started again, by its own or the Pod's policy. */
export const restarts = (pod: Pod, slot: ContainerSlot, outcome: Outcome): boolean => {
  if (slot.role === 'ephemeral') return false
  const policy =
    slot.container.restartPolicy ?? (slot.role === 'init' && pod.spec.restartPolicy === 'Always' ? 'OnFailure' : (pod.spec.restartPolicy ?? 'Always'))
  if (policy === 'Always') return true
  return policy === 'OnFailure' && outcome === 'failed'
}

/** Whether nothing of the Pod's own work is left to do: the phase is final. */
export const isFinished = (view: Pick<PodView, 'pod' | 'containers'>): boolean => {
  const slots = containerSlots(view.pod)
  const state = (slot: ContainerSlot) => outcomeOf(latestOf(view.containers, slot.container.name))
  const isOver = (slot: ContainerSlot) => ['succeeded', 'failed'].includes(state(slot)) && !restarts(view.pod, slot, state(slot))
  if (slots.some((slot) => slot.role === 'init' && state(slot) === 'failed' && isOver(slot))) return true
  return slots.filter((slot) => slot.role === 'main').every(isOver)
}

/**
 * The next steps that bring the containers to what the spec asks. Pure; safe to ask at any time: it says nothing twice once the steps are done.
 * Order: end what must end; else a sandbox, init containers one by one (sidecars stay), then all containers.
 */
export const podActions = (view: PodView): PodAction[] => {
  if (view.ending) return endingActions(view)
  if (isFinished(view)) return endingActions(view)
  const { sandbox } = view
  const attempt = sandbox ? sandbox.config.attempt + 1 : 0
  if (!sandbox) return [{ type: 'runSandbox', attempt }]
  if (sandbox.state === 'notready') return [...stopsOf(view, view.containers.filter(isAlive), 'sandbox'), { type: 'runSandbox', attempt }]
  const current = view.containers.filter((container) => container.sandboxId === sandbox.id)
  return startActions(view, current)
}

const isAlive = (container: RuntimeContainer): boolean => container.state === 'running'

const stopsOf = (view: PodView, containers: readonly RuntimeContainer[], cause: 'ending' | 'sandbox' | 'finished'): PodAction[] =>
  containers
    .filter((container) => !view.stopping.has(container.id))
    .map((container) => ({ type: 'stop', containerId: container.id, name: container.config.name, cause }))

// Sidecars end after the containers they serve, last started first.
const endingActions = (view: PodView): PodAction[] => {
  const alive = view.containers.filter(isAlive)
  const cause = view.ending ? 'ending' : 'finished'
  if (!alive.length) return view.sandbox?.state === 'ready' ? [{ type: 'stopSandbox' }] : []
  const sidecars = (view.pod.spec.initContainers ?? []).filter(isSidecar).map((container) => container.name)
  const first = alive.filter((container) => !sidecars.includes(container.config.name))
  if (first.length) return stopsOf(view, first, cause)
  const last = sidecars.findLast((name) => alive.some((container) => container.config.name === name))
  return stopsOf(
    view,
    alive.filter((container) => container.config.name === last),
    cause,
  )
}

const startActions = (view: PodView, current: readonly RuntimeContainer[]): PodAction[] => {
  const slots = containerSlots(view.pod)
  const mainBegan = slots.some((slot) => slot.role === 'main' && latestOf(current, slot.container.name))
  const actions: PodAction[] = []
  for (const slot of slots.filter((one) => one.role === 'init' || one.role === 'sidecar')) {
    if (slot.role === 'init' && mainBegan) continue
    const { done, steps } = initStep(view, current, slot)
    actions.push(...steps)
    if (!done && !mainBegan) return actions
  }
  for (const slot of slots.filter((one) => one.role === 'main' || one.role === 'ephemeral')) actions.push(...runStep(view, current, slot))
  return actions
}

const initStep = (view: PodView, current: readonly RuntimeContainer[], slot: ContainerSlot): { done: boolean; steps: PodAction[] } => {
  const latest = latestOf(current, slot.container.name)
  if (slot.role === 'sidecar') {
    const steps = runStep(view, current, slot)
    return { done: latest?.state === 'running' && !steps.length && view.probes.hasStarted(latest.id, slot.container), steps }
  }
  if (outcomeOf(latest) === 'succeeded') return { done: true, steps: [] }
  return { done: false, steps: runStep(view, current, slot) }
}

const runStep = (view: PodView, current: readonly RuntimeContainer[], slot: ContainerSlot): PodAction[] => {
  const { container } = slot
  const latest = latestOf(current, container.name)
  if (latest?.state === 'running') {
    const probe = view.probes.failed(latest.id)
    return probe && !view.stopping.has(latest.id) ? [{ type: 'stop', containerId: latest.id, name: container.name, cause: probe }] : []
  }
  const outcome = outcomeOf(latest)
  if ((outcome === 'succeeded' || outcome === 'failed') && !restarts(view.pod, slot, outcome)) return []
  const remainingMs = view.remainingBackoffMs(container.name, latest?.finishedAtMs ?? 0)
  if (remainingMs > 0) return [{ type: 'backOff', container, remainingMs }]
  return [{ type: 'start', container, attempt: nextAttempt(view, container.name) }]
}

// Counted over all that is known, so that a restart count never falls: the runtime's records may be gone after a reboot.
const nextAttempt = (view: PodView, name: string): number => {
  const known = latestOf(view.containers, name)
  if (known) return known.config.attempt + 1
  const { initContainerStatuses = [], containerStatuses = [] } = view.pod.status ?? {}
  const before = [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name)
  return before?.containerID ? before.restartCount + 1 : 0
}
