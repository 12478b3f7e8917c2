import type { Container, ContainerRestartRuleOnExitCodes, Pod } from '../../base/api/generated/types.ts'
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
  /** Containers whose postStart hook runs, by id: no other one is started meanwhile. */
  readonly hooked: ReadonlySet<string>
}

export interface ProbeView {
  /** Whether the startup probe has passed (true where there is none). */
  hasStarted(containerId: string, container: Container): boolean
  /** What says that the container has to be restarted: a probe, or its postStart hook. */
  failed(containerId: string): Ailment | undefined
}

export type Ailment = 'liveness' | 'startup' | 'postStart'

export type PodAction =
  | { readonly type: 'runSandbox'; readonly attempt: number }
  | { readonly type: 'start'; readonly container: Container; readonly attempt: number }
  | { readonly type: 'backOff'; readonly container: Container; readonly remainingMs: number }
  | {
      readonly type: 'stop'
      readonly containerId: string
      readonly name: string
      readonly cause: Ailment | 'ending' | 'sandbox' | 'finished'
      /** Containers, by id, that have to end before it is told to: sidecars go last. */
      readonly after: readonly string[]
    }
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

/** Whether an ended container is started again: by a rule for its exit code, or else by its own or the Pod's policy. */
export const restarts = ({ spec }: Pod, slot: ContainerSlot, latest: RuntimeContainer | undefined): boolean => {
  if (slot.role === 'ephemeral') return false
  const { container } = slot
  if (latest?.state === 'exited' && container.restartPolicyRules?.some(({ exitCodes }) => exitCodes && matches(exitCodes, latest.exitCode ?? 137))) return true
  const policy = container.restartPolicy ?? (slot.role === 'init' && spec.restartPolicy === 'Always' ? 'OnFailure' : (spec.restartPolicy ?? 'Always'))
  return policy === 'Always' || (policy === 'OnFailure' && outcomeOf(latest) === 'failed')
}

const matches = ({ operator, values = [] }: ContainerRestartRuleOnExitCodes, exitCode: number): boolean => values.includes(exitCode) === (operator === 'In')

/** Whether nothing of the Pod's own work is left to do: the phase is final. */
export const isFinished = (view: Pick<PodView, 'pod' | 'containers'>): boolean => {
  const slots = containerSlots(view.pod)
  const latest = (slot: ContainerSlot) => latestOf(view.containers, slot.container.name)
  const isOver = (slot: ContainerSlot) => ['succeeded', 'failed'].includes(outcomeOf(latest(slot))) && !restarts(view.pod, slot, latest(slot))
  if (slots.some((slot) => slot.role === 'init' && outcomeOf(latest(slot)) === 'failed' && isOver(slot))) return true
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

type Cause = Extract<PodAction, { type: 'stop' }>['cause']

const stopsOf = (view: PodView, containers: readonly RuntimeContainer[], cause: Cause, after: readonly string[] = []): PodAction[] =>
  containers
    .filter((container) => !view.stopping.has(container.id))
    .map((container) => ({ type: 'stop', containerId: container.id, name: container.config.name, cause, after }))

// All are told at once, so that preStop hooks run and grace periods count from now; sidecars end after the containers they serve, last started first.
const endingActions = (view: PodView): PodAction[] => {
  const alive = view.containers.filter(isAlive)
  const cause = view.ending ? 'ending' : 'finished'
  if (!alive.length) return view.sandbox?.state === 'ready' ? [{ type: 'stopSandbox' }] : []
  const sidecars = (view.pod.spec.initContainers ?? []).filter(isSidecar).map((container) => container.name)
  const turnOf = ({ config: { name } }: RuntimeContainer) => (sidecars.includes(name) ? sidecars.length - sidecars.indexOf(name) : 0)
  const inTurn = alive.map((container) => ({ container, turn: turnOf(container) })).sort((a, b) => a.turn - b.turn)
  return inTurn.flatMap(({ container, turn }) => {
    const after = inTurn.filter((other) => other.turn < turn).map((other) => other.container.id)
    return stopsOf(view, [container], cause, after)
  })
}

const startActions = (view: PodView, current: readonly RuntimeContainer[]): PodAction[] => {
  const slots = containerSlots(view.pod)
  const mainBegan = slots.some((slot) => slot.role === 'main' && latestOf(current, slot.container.name))
  // What looks into a Pod is there also while an init container fails.
  const actions = slots.filter((slot) => slot.role === 'ephemeral').flatMap((slot) => runStep(view, current, slot))
  for (const slot of slots.filter((one) => one.role === 'init' || one.role === 'sidecar')) {
    if (slot.role === 'init' && mainBegan) continue
    const { done, steps } = initStep(view, current, slot)
    actions.push(...steps)
    if (!done && !mainBegan) return heedHooks(view, actions)
  }
  for (const slot of slots.filter((one) => one.role === 'main')) actions.push(...runStep(view, current, slot))
  return heedHooks(view, actions)
}

// The next container is started when the postStart hook of the one before is over.
const heedHooks = ({ hooked }: PodView, actions: readonly PodAction[]): PodAction[] => {
  const first = hooked.size > 0 ? -1 : actions.findIndex((action) => action.type === 'start' && action.container.lifecycle?.postStart)
  if (first === -1 && hooked.size === 0) return [...actions]
  return actions.filter((action, i) => action.type !== 'start' || i <= first)
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
    const ailment = view.probes.failed(latest.id)
    return ailment ? stopsOf(view, [latest], ailment) : []
  }
  const outcome = outcomeOf(latest)
  if ((outcome === 'succeeded' || outcome === 'failed') && !restarts(view.pod, slot, latest)) return []
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
