import type { Container, Pod } from '../../base/api/generated/types.ts'
import type { NodeContext } from './node-context.ts'
import { fieldPathOf } from './pod-names.ts'
import { runHandler } from './probes/handlers.ts'

export interface StopRequest {
  readonly pod: Pod
  readonly container: Container
  readonly containerId: string
  readonly ip: string
  readonly graceSeconds: number
  /** The text of the Killing Event. */
  readonly message: string
}

// As upstream: what is left after the preStop hook is never less.
const minimumGraceSeconds = 2

/** Runs the preStop hook inside the grace period, then stops the container with what is left of it. */
export const stopContainer = async (node: NodeContext, request: StopRequest): Promise<void> => {
  const { pod, container, containerId } = request
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    node.recorder.event(pod, type, reason, message, { fieldPath: fieldPathOf(pod, container.name) })
  tell('Normal', 'Killing', request.message)
  let graceSeconds = request.graceSeconds
  if (container.lifecycle?.preStop && graceSeconds > 0) {
    const beganAt = node.clock.monotonic()
    const failure = await Promise.race([preStop(node, request), node.clock.sleep(graceSeconds * 1000, node.signal).then(() => undefined)])
    if (failure !== undefined) tell('Warning', 'FailedPreStopHook', 'PreStopHook failed')
    graceSeconds = Math.max(minimumGraceSeconds, Math.ceil(graceSeconds - (node.clock.monotonic() - beganAt) / 1000))
  }
  await node.runtime.stopContainer(containerId, graceSeconds)
}

const preStop = async (node: NodeContext, { container, containerId, ip, graceSeconds }: StopRequest): Promise<string | undefined> => {
  const hook = container.lifecycle?.preStop
  if (!hook) return undefined
  if (hook.sleep) {
    await node.clock.sleep(hook.sleep.seconds * 1000, node.signal)
    return undefined
  }
  const answer = await runHandler(hook, { runtime: node.runtime, container, containerId, ip, timeoutMs: graceSeconds * 1000 }).catch((error: Error) => ({
    ok: false,
    message: error.message,
  }))
  return answer.ok ? undefined : answer.message
}
