import type { ContainerRuntime } from '../runtime/runtime.ts'

/** Kills all that runs on those nodes, without a grace period: their power is gone. What is on disk stays, as a disk's content does. */
export const cutPower = async (runtime: ContainerRuntime, isOff: (node: string) => boolean): Promise<void> => {
  const sandboxes = (await runtime.listPodSandboxes()).filter(({ config }) => isOff(config.node))
  await Promise.all(sandboxes.map(({ id }) => runtime.stopPodSandbox(id)))
}

/** Forgets the Pods of nodes that will not come back. */
export const removeRemains = async (runtime: ContainerRuntime, isGone: (node: string) => boolean): Promise<void> => {
  const sandboxes = (await runtime.listPodSandboxes()).filter(({ config }) => isGone(config.node))
  await Promise.all(sandboxes.map(({ id }) => runtime.removePodSandbox(id)))
}
