import type { Container, Pod } from '../../base/api/generated/types.ts'
import { runHook } from './lifecycle-hook.ts'
import type { NodeContext } from './node-context.ts'
import { fieldPathOf } from './pod-names.ts'

export interface StopRequest {
  readonly pod: Pod
  readonly container: Container
  readonly containerId: string
  readonly ip: string
  readonly graceSeconds: number
  /** The text of the Killing Event. */
  readonly message: string
  /** Settles when those have ended that have to end before it. */
  readonly turn: Promise<unknown>
}

// As upstream: what is left after the preStop hook and the others is never less.
export const minimumGraceSeconds = 2

// Of the grace period. The endpoint controller and the proxies need a tenth of it; without a server nobody waits for them longer.
const withdrawalMs = 1000

/** Runs the preStop hook and waits for its turn within the grace period, then stops the container with what is left of it. */
export const stopContainer = async (node: NodeContext, request: StopRequest): Promise<void> => {
  const { pod, container, containerId } = request
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    node.recorder.event(pod, type, reason, message, { fieldPath: fieldPathOf(pod, container.name) })
  tell('Normal', 'Killing', request.message)
  let graceSeconds = request.graceSeconds
  if (graceSeconds > 0) {
    const beganAt = node.clock.monotonic()
    const leftMs = () => request.graceSeconds * 1000 - (node.clock.monotonic() - beganAt)
    const [hookFailure] = await Promise.all([preStop(node, request), leaveServices(node, request)])
    if (hookFailure !== undefined) tell('Warning', 'FailedPreStopHook', 'PreStopHook failed')
    await within(node, leftMs(), request.turn)
    graceSeconds = Math.ceil(leftMs() / 1000)
  }
  await node.runtime.stopContainer(containerId, Math.max(minimumGraceSeconds, graceSeconds))
}

/** What went wrong; a hook that takes longer than the grace period is let go of, which is no failure of its own. */
const preStop = async (node: NodeContext, request: StopRequest): Promise<string | undefined> => {
  const hook = request.container.lifecycle?.preStop
  if (!hook) return undefined
  const { runtime, clock } = node
  const giveUp = new AbortController()
  const signal = AbortSignal.any([giveUp.signal, node.signal])
  try {
    return await within(node, request.graceSeconds * 1000, runHook(hook, { ...request, runtime, clock, signal }))
  } finally {
    giveUp.abort()
  }
}

/**
 * Holds the signal of a Pod that is deleted until no new connection is sent to it: kinder than upstream, where the two race and a
 * process that stops listening at once loses requests.
 */
const leaveServices = async (node: NodeContext, { pod, graceSeconds }: StopRequest): Promise<void> => {
  if (pod.metadata.deletionTimestamp === undefined) return
  const giveUp = new AbortController()
  try {
    await within(node, Math.min(withdrawalMs, graceSeconds * 1000), node.withdrawn(pod.metadata.uid, giveUp.signal))
  } finally {
    giveUp.abort()
  }
}

const within = async <T>(node: NodeContext, ms: number, work: Promise<T>): Promise<T | undefined> => {
  const over = new AbortController()
  try {
    return await Promise.race([
      work,
      node.clock.sleep(Math.max(0, ms), AbortSignal.any([over.signal, node.signal])).then(
        () => undefined,
        () => undefined,
      ),
    ])
  } finally {
    over.abort()
  }
}
