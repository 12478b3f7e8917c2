import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container, Pod } from '../../base/api/generated/types.ts'
import type { ContainerRuntime, RuntimeContainer, Sandbox } from '../runtime/runtime.ts'
import { readContainerLog } from './container-log.ts'
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
// What FallbackToLogsOnError takes of a log, as upstream.
const logLines = 80
const logLimit = 2048

/** Reads the runtime; last words of ended containers are read once and remembered in `messages`, by container id. */
export const readRuntimeState = async (options: {
  runtime: ContainerRuntime
  pod: Pod
  podFolder: string
  logDirectory: string
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
  { podFolder, messages, logDirectory }: { podFolder: string; messages: Map<string, string>; logDirectory: string },
  pod: Pod,
): Promise<RuntimeContainer> => {
  if (container.state !== 'exited' || container.message) return container
  const spec = containerSlots(pod).find((slot) => slot.container.name === container.config.name)?.container
  const known = messages.get(container.id) ?? (spec ? await lastWords(podFolder, logDirectory, container, spec) : '')
  messages.set(container.id, known)
  return known ? { ...container, message: known } : container
}

const lastWords = async (podFolder: string, logDirectory: string, container: RuntimeContainer, spec: Container): Promise<string> => {
  const written = await beginningOf(terminationLogPath(podFolder, container.config.name, container.config.attempt))
  if (written || spec.terminationMessagePolicy !== 'FallbackToLogsOnError' || container.exitCode === 0) return written
  return endOfLog(join(logDirectory, container.config.logPath))
}

const beginningOf = async (path: string): Promise<string> => {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(messageLimit), 0, messageLimit, 0)
    return buffer.subarray(0, bytesRead).toString('utf8')
  } finally {
    await file.close()
  }
}

const endOfLog = async (path: string): Promise<string> => {
  const chunks: Buffer[] = []
  const write = async (chunk: Buffer) => void chunks.push(chunk)
  const signal = new AbortController().signal
  await readContainerLog({ path, write, isLive: () => false, follow: false, timestamps: false, tailLines: logLines, signal })
  return Buffer.concat(chunks).subarray(-logLimit).toString('utf8')
}
