import type { Container, LifecycleHandler, Pod } from '../../base/api/generated/types.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { ContainerRuntime } from '../runtime/runtime.ts'
import { formatPod } from './pod-names.ts'
import { runCommand } from './probes/command.ts'
import { httpGet, httpGetRequest } from './probes/http-get.ts'

export interface HookTarget {
  readonly runtime: ContainerRuntime
  readonly clock: Clock
  readonly pod: Pod
  readonly container: Container
  readonly containerId: string
  readonly ip: string
  /** Gives the hook up: its command is killed. */
  readonly signal: AbortSignal
}

/** Runs a hook to its end. Gives what went wrong in upstream's words; nothing where all is well or the hook was given up. */
export const runHook = async (hook: LifecycleHandler, target: HookTarget): Promise<string | undefined> => {
  const { runtime, container, containerId, pod, signal } = target
  if (runtime.answer) {
    const answer = await runtime.answer(containerId)
    return answer.ok ? undefined : answer.message
  }
  try {
    if (hook.sleep) await target.clock.sleep(hook.sleep.seconds * 1000, signal)
    if (hook.exec) await runExec(hook.exec.command ?? [], target)
    // As upstream any answer will do, whatever its status.
    if (hook.httpGet) await httpGet(httpGetRequest(hook.httpGet, target), { signal })
  } catch (error) {
    if (signal.aborted) return undefined
    const { message, output = '' } = error as Error & { output?: string }
    const of = `for Container "${container.name}" in Pod "${formatPod(pod)}" failed - error: ${message}`
    if (hook.exec) return `Exec lifecycle hook ([${hook.exec.command?.join(' ')}]) ${of}, message: ${JSON.stringify(output)}`
    return `HTTP lifecycle hook (${hook.httpGet?.path ?? ''}) ${of}`
  }
  return undefined
}

const runExec = async (command: readonly string[], { runtime, containerId, signal }: HookTarget): Promise<void> => {
  const { code, stdout, stderr } = await runCommand(runtime, containerId, { command, signal })
  if (code === 0) return
  throw Object.assign(new Error(`command '${command.join(' ')}' exited with ${code}: ${stderr}`), { output: stdout + stderr })
}
