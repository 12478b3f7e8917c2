import type { Container, Pod } from '../../base/api/generated/types.ts'
import { qosClassOf } from '../../base/api/resources/pod-qos.ts'
import { quantityToMilli, quantityToNumber } from '../../base/lib/quantity.ts'
import type { Image } from '../images/image-store.ts'
import { parseReference } from '../images/reference.ts'
import type { ContainerConfig, MountConfig } from '../runtime/runtime.ts'
import { ContainerConfigError } from './environment.ts'
import { expand } from './expansion.ts'
import { quotaMicrosOf, sharesOf } from './pod-cgroup.ts'
import { hostnameOf } from './pod-names.ts'

export interface ContainerConfigInput {
  readonly pod: Pod
  readonly container: Container
  readonly attempt: number
  readonly image: Image
  readonly env: ReadonlyMap<string, string>
  readonly mounts: readonly MountConfig[]
  readonly user: ContainerConfig['user']
  readonly hostname?: string
  readonly nodeMemoryBytes: number
  readonly pidNamespaceOf?: string
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** By the name that the container uses, where the image has several. */
const imageRefOf = ({ repoDigests, id }: Image, name: string): string => {
  const wanted = nameOf(name)
  return repoDigests.find((digest) => digest.startsWith(`${wanted}@`)) ?? repoDigests[0] ?? id
}

const nameOf = (reference: string): string | undefined => {
  try {
    return parseReference(reference).name
  } catch {
    // An image id is no name.
    return undefined
  }
}

/** The container as the runtime takes it. */
export const containerConfig = (input: ContainerConfigInput): ContainerConfig => {
  const { pod, container, image, attempt } = input
  const context = container.securityContext ?? {}
  return {
    name: container.name,
    attempt,
    imageId: image.id,
    imageRef: imageRefOf(image, container.image ?? ''),
    image: container.image ?? '',
    argv: argumentsOf(container, image, input.env),
    env: environmentOf(input),
    workingDir: container.workingDir || image.config.workingDir || '/',
    mounts: input.mounts,
    logPath: `${container.name}/${attempt}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    user: input.user,
    readOnlyRootFilesystem: context.readOnlyRootFilesystem ?? false,
    privileged: context.privileged ?? false,
    noNewPrivileges: context.allowPrivilegeEscalation === false,
    capabilities: { add: context.capabilities?.add ?? [], drop: context.capabilities?.drop ?? [] },
    stopSignal: container.lifecycle?.stopSignal || image.config.stopSignal || 'SIGTERM',
    ...(input.pidNamespaceOf === undefined ? {} : { pidNamespaceOf: input.pidNamespaceOf }),
    resources: resourcesOf(pod, container, input.nodeMemoryBytes),
  }
}

// A command without args drops the image's CMD, as upstream.
const argumentsOf = (container: Container, image: Image, env: ReadonlyMap<string, string>): string[] => {
  const expanded = (list: readonly string[]) => list.map((text) => expand(text, (name) => env.get(name)))
  const command = container.command?.length ? expanded(container.command) : image.config.entrypoint
  const args = container.args?.length ? expanded(container.args) : container.command?.length ? [] : image.config.cmd
  const argv = [...command, ...args]
  if (!argv.length) throw new ContainerConfigError(`no command specified`)
  return argv
}

const environmentOf = ({ pod, image, env, hostname }: ContainerConfigInput): [string, string][] => {
  const all = new Map<string, string>([
    ['PATH', defaultPath],
    ['HOSTNAME', hostname ?? hostnameOf(pod)],
  ])
  for (const entry of image.config.env) {
    const at = entry.indexOf('=')
    if (at > 0) all.set(entry.slice(0, at), entry.slice(at + 1))
  }
  for (const [name, value] of env) all.set(name, value)
  return [...all]
}

/** cpu shares, quota and memory limit by upstream's arithmetic. */
const resourcesOf = (pod: Pod, container: Container, nodeMemoryBytes: number): ContainerConfig['resources'] => {
  const { limits = {}, requests = {} } = container.resources ?? {}
  const cpuMilli = quantityToMilli(requests.cpu ?? limits.cpu ?? '0')
  const limitMilli = quantityToMilli(limits.cpu ?? '0')
  const memory = limits.memory === undefined ? 0 : Math.floor(quantityToNumber(limits.memory))
  return {
    cpuShares: sharesOf(cpuMilli),
    ...(limitMilli ? { cpuQuotaMicros: quotaMicrosOf(limitMilli) } : {}),
    ...(memory ? { memoryLimitBytes: memory } : {}),
    // As upstream's default: a container that runs out of memory goes as a whole.
    unified: { 'memory.oom.group': '1' },
    oomScoreAdj: oomScoreAdjust(pod, container, nodeMemoryBytes),
  }
}

const oomScoreAdjust = (pod: Pod, container: Container, nodeMemoryBytes: number): number => {
  const qos = qosClassOf(pod.spec)
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  const request = quantityToNumber(container.resources?.requests?.memory ?? '0')
  return Math.min(999, Math.max(3, Math.floor(1000 - (1000 * request) / nodeMemoryBytes)))
}
