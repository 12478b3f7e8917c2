import type { Container, Pod, ResourceFieldSelector } from '../../base/api/generated/types.ts'
import { parseQuantity } from '../../base/lib/quantity.ts'

/** Addresses and sizes that the object itself may not tell yet. */
export interface FieldContext {
  readonly pod: Pod
  readonly podIP: string | undefined
  readonly hostIP: string
  /** Of the node: what a container without limits may use. */
  readonly allocatable: Readonly<Record<string, string>>
}

const sorted = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')

/** The value of a downward API field; throws on a path that upstream does not support. */
export const fieldValue = (path: string, { pod, podIP, hostIP }: FieldContext): string => {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (subscript) return pod.metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2] ?? ''] ?? ''
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid
    case 'metadata.labels':
      return sorted(pod.metadata.labels)
    case 'metadata.annotations':
      return sorted(pod.metadata.annotations)
    case 'spec.nodeName':
      return pod.spec.nodeName ?? ''
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? ''
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIP
    case 'status.podIP':
    case 'status.podIPs':
      return podIP ?? ''
    default:
      throw new Error(`unsupported fieldPath: ${path}`)
  }
}

/** A limit or request in units of the divisor, rounded up. Absent limits are the node's allocatable; absent requests are 0. */
export const resourceFieldValue = (selector: ResourceFieldSelector, context: FieldContext, self?: Container): string => {
  const { pod, allocatable } = context
  const container = selector.containerName
    ? [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find((one) => one.name === selector.containerName)
    : self
  if (!container) throw new Error(`container ${selector.containerName ?? ''} not found`)
  const [kind = '', ...rest] = selector.resource.split('.')
  const name = rest.join('.')
  if (kind !== 'limits' && kind !== 'requests') throw new Error(`unsupported container resource : ${selector.resource}`)
  const own = container.resources?.[kind]?.[name]
  const given = own !== undefined && parseQuantity(own).nano > 0n ? own : kind === 'limits' ? (allocatable[name] ?? '0') : '0'
  const [amount, divisor] = [parseQuantity(given).nano, parseQuantity(selector.divisor ?? '0').nano || parseQuantity('1').nano]
  return String((amount + divisor - 1n) / divisor)
}
