import { open } from 'node:fs/promises'
import type { Container, Pod } from '../../base/api/generated/types.ts'
import type { ContainerRuntime, RuntimeContainer, Sandbox } from '../runtime/runtime.ts'
import { terminationLogPath } from './container-starter.ts'
import { containerSlots } from './pod-names.ts'

/** What runs of a Pod now. */
export interface PodRuntimeState {
  readonly sandboxes: readonly Sandbox[]
  /** The one of the highest attempt. */
  readonly sandbox: Sandbox | undefined
  readonly containers: readonly RuntimeContainer[]
}

const messageLimit = 4096

/** Reads the runtime; last words of ended containers are read once and remembered in `messages`, by container id. */
export const readRuntimeState = async (options: {
  runtime: ContainerRuntime
  pod: Pod
  podFolder: string
  sandboxIds: readonly string[]
  messages: Map<string, string>
}): Promise<PodRuntimeState> => {
  const { runtime, pod, sandboxIds } = options
  if (!sandboxIds.length) return { sandboxes: [], sandbox: undefined, containers: [] }
  const listed = (await Promise.all(sandboxIds.map((id) => runtime.listPodSandboxes(id)))).flat()
  const sandboxes = [...new Map(listed.filter((one) => sandboxIds.includes(one.id)).map((one) => [one.id, one])).values()].sort(
    (a, b) => b.config.attempt - a.config.attempt,
  )
  const found = (await Promise.all(sandboxes.map((one) => runtime.listContainers(one.id)))).flat()
  const containers = await Promise.all(found.map((container) => withMessage(container, options, pod)))
  return { sandboxes, sandbox: sandboxes[0], containers }
}

const withMessage = async (
  container: RuntimeContainer,
  { podFolder, messages }: { podFolder: string; messages: Map<string, string> },
  pod: Pod,
): Promise<RuntimeContainer> => {
  if (container.state !== 'exited' || container.message) return container
  const spec = containerSlots(pod).find((slot) => slot.container.name === container.config.name)?.container
  const known = messages.get(container.id) ?? (await lastWords(podFolder, container, spec))
  messages.set(container.id, known)
  return known ? { ...container, message: known } : container
}

const lastWords = async (podFolder: string, container: RuntimeContainer, spec: Container | undefined): Promise<string> => {
  if (!spec) return ''
  const file = await open(terminationLogPath(podFolder, container.config.name, container.config.attempt)).catch(() => undefined)
  if (!file) return ''
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(messageLimit), 0, messageLimit, 0)
    return buffer.subarray(0, bytesRead).toString('utf8')
  } finally {
    await file.close()
  }
}
