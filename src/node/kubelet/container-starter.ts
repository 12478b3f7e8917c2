import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container, EphemeralContainer, Pod } from '../../base/api/generated/types.ts'
import type { Image } from '../images/image-store.ts'
import type { MountConfig, RuntimeContainer, Sandbox } from '../runtime/runtime.ts'
import { containerConfig } from './container-config.ts'
import { containerUser, readAccounts } from './container-user.ts'
import { containerEnvironment, ContainerConfigError } from './environment.ts'
import type { FieldContext } from './field-refs.ts'
import { StartFailure } from './start-failure.ts'
import { latestOf } from './pod-actions.ts'
import type { NodeContext } from './node-context.ts'
import { hostsFile, podResolver, resolvConf } from './pod-files.ts'
import { fieldPathOf, hostnameOf } from './pod-names.ts'
import { serviceEnvironment } from './service-environment.ts'
import { containerMounts } from './volumes/container-mounts.ts'

export interface StartRequest {
  readonly pod: Pod
  readonly container: Container
  readonly attempt: number
  readonly sandbox: Sandbox
  readonly podFolder: string
  readonly pathOf: (volume: string) => string | undefined
  readonly image: Image
  /** Of the Pod: where an ephemeral container finds the one it looks into. */
  readonly containers: readonly RuntimeContainer[]
}

/** Starts one container: variables, mounts, runtime. Gives its id; throws StartFailure. */
export const startContainer = async (node: NodeContext, request: StartRequest): Promise<string> => {
  const { pod, container, image } = request
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    node.recorder.event(pod, type, reason, message, { fieldPath: fieldPathOf(pod, container.name) })
  const containerId = await create(node, request, image, tell)
  tell('Normal', 'Created', 'Container created')
  try {
    await node.runtime.startContainer(containerId)
  } catch (error) {
    tell('Warning', 'Failed', `Error: ${(error as Error).message}`)
    throw new StartFailure('RunContainerError', (error as Error).message, { cause: error })
  }
  tell('Normal', 'Started', 'Container started')
  return containerId
}

type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void

const create = async (node: NodeContext, request: StartRequest, image: Image, tell: Tell): Promise<string> => {
  try {
    return await node.runtime.createContainer(request.sandbox.id, await configOf(node, request, image))
  } catch (error) {
    tell('Warning', 'Failed', `Error: ${(error as Error).message}`)
    throw new StartFailure(error instanceof ContainerConfigError ? 'CreateContainerConfigError' : 'CreateContainerError', (error as Error).message, {
      cause: error,
    })
  }
}

export const fieldContextOf = (node: NodeContext, pod: Pod, sandbox: Sandbox | undefined): FieldContext => ({
  pod,
  podIP: pod.spec.hostNetwork ? node.config.internalIP : sandbox?.ip,
  hostIP: node.config.internalIP,
  allocatable: node.allocatable,
})

const configOf = async (node: NodeContext, request: StartRequest, image: Image) => {
  const { pod, container, attempt, sandbox, pathOf } = request
  const user = containerUser({ pod, container, image, accounts: await readAccounts(image) })
  const serviceEnv = serviceEnvironment(await node.shared.services(), pod.metadata.namespace ?? '', pod.spec.enableServiceLinks ?? true)
  const env = await containerEnvironment(container, { context: fieldContextOf(node, pod, sandbox), references: node.references, serviceEnv })
  const isReal = node.runtime.name !== 'simulated'
  const mounts = isReal ? [...(await containerMounts({ container, pathOf, env })), ...(await managedMounts(node, request))] : []
  return containerConfig({
    pod,
    container,
    attempt,
    image,
    env,
    user,
    nodeMemoryBytes: node.config.capacity.memoryBytes,
    mounts: uniqueMounts(mounts),
    ...targetOf(request),
    ...(pod.spec.hostNetwork ? { hostname: node.config.name } : {}),
  })
}

// Where the Pod shares its processes, or sees the node's, there is nobody to be chosen.
const targetOf = ({ pod, container, containers }: StartRequest): { readonly pidNamespaceOf?: string } => {
  const name = (container as EphemeralContainer).targetContainerName
  if (!name || pod.spec.shareProcessNamespace || pod.spec.hostPID) return {}
  const target = latestOf(containers, name)
  if (!target) throw new ContainerConfigError(`unable to find target container ${name}`)
  return { pidNamespaceOf: target.id }
}

// What the user mounts at a path wins over what the kubelet would put there.
const uniqueMounts = (mounts: readonly MountConfig[]): MountConfig[] =>
  [...new Map([...mounts].reverse().map((mount) => [mount.containerPath, mount])).values()].reverse()

/** Where a container leaves its last words. */
export const terminationLogPath = (podFolder: string, name: string, attempt: number): string =>
  join(podFolder, 'containers', name, `${attempt}.termination-log`)

const managedMounts = async (node: NodeContext, { pod, container, attempt, sandbox, podFolder }: StartRequest): Promise<MountConfig[]> => {
  const terminationLog = terminationLogPath(podFolder, container.name, attempt)
  await mkdir(join(podFolder, 'containers', container.name), { recursive: true })
  await writeFile(terminationLog, '', { mode: 0o666 })
  const ip = pod.spec.hostNetwork ? node.config.internalIP : sandbox.ip
  const files = {
    '/etc/hosts': hostsFile(pod, ip, node.clusterDomain),
    '/etc/hostname': `${pod.spec.hostNetwork ? node.config.name : hostnameOf(pod)}\n`,
    '/etc/resolv.conf': resolvConf(podResolver(pod, { clusterDNS: node.clusterDNS, clusterDomain: node.clusterDomain, host: node.hostResolver })),
  }
  for (const [path, text] of Object.entries(files)) await writeFile(join(podFolder, path.replace('/etc/', 'etc-')), text, { mode: 0o644 })
  return [
    ...Object.keys(files).map((path) => ({ hostPath: join(podFolder, path.replace('/etc/', 'etc-')), containerPath: path, readOnly: false })),
    { hostPath: terminationLog, containerPath: container.terminationMessagePath || '/dev/termination-log', readOnly: false },
  ]
}
