import type { Lease, Node, Pod } from '../../../base/api/generated/types.ts'
import { nodes } from '../../../base/api/kinds.ts'
import { equalJson } from '../../../base/machinery/equal-json.ts'
import { nodeNameOf } from '../auth/node/node-authorizer.ts'
import { referencesOf } from '../auth/node/pod-references.ts'
import type { Reader } from '../context.ts'
import { forbidden } from '../errors.ts'
import type { AdmissionPlugin, Attributes } from './admission.ts'

const group = 'system:nodes'
const mirrorAnnotation = 'kubernetes.io/config.mirror'
const restrictedDomain = 'node-restriction.kubernetes.io'

/** A kubelet writes its own Node and Lease, and the status and mirror Pods of that node; nothing of another's. */
export const nodeRestriction = (reader: Reader): AdmissionPlugin => ({
  name: 'NodeRestriction',
  admit(attributes) {
    const { user, resource, name, object } = attributes
    if (!user.groups.includes(group)) return
    const node = nodeNameOf(user)
    const why = node ? whyNot(node, attributes, reader) : `could not determine node from user ${JSON.stringify(user.name)}`
    if (why) throw forbidden(resource.kind, name || object?.metadata.name || '', why)
  },
})

function whyNot(node: string, attributes: Attributes, reader: Reader): string | undefined {
  const { kind } = attributes.resource
  switch (`${kind.group}/${kind.plural}`) {
    case '/pods':
      return podRefusal(node, attributes, reader)
    case '/nodes':
      return nodeRefusal(node, attributes)
    case 'coordination.k8s.io/leases':
      return leaseRefusal(node, attributes)
    default:
      return undefined
  }
}

function podRefusal(node: string, { operation, subresource, object, old }: Attributes, reader: Reader): string | undefined {
  const who = JSON.stringify(node)
  const itself = (pod: unknown) => (pod as Pod | undefined)?.spec.nodeName === node
  if (operation === 'CREATE' && !subresource) return mirrorRefusal(node, object as unknown as Pod, reader)
  if (operation === 'DELETE' && old && !itself(old)) return `node ${who} can only delete pods with spec.nodeName set to itself`
  if (operation !== 'UPDATE' || subresource !== 'status') return undefined
  if (!itself(old)) return `node ${who} can only update pod status for pods with spec.nodeName set to itself`
  return equalJson(old?.metadata.labels ?? {}, object?.metadata.labels ?? {}) ? undefined : `node ${who} cannot update labels through pod status`
}

function mirrorRefusal(node: string, pod: Pod, reader: Reader): string | undefined {
  const who = JSON.stringify(node)
  if (!pod.metadata.annotations?.[mirrorAnnotation])
    return `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation, node ${who} can only create mirror pods`
  if (pod.spec.nodeName !== node) return `node ${who} can only create pods with spec.nodeName set to itself`
  const [owner, ...others] = pod.metadata.ownerReferences ?? []
  if (others.length) return `node ${who} can only create pods with a single owner reference set to itself`
  if (owner && (owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node))
    return `node ${who} can only create pods with an owner reference set to itself`
  if (owner && owner.uid !== reader.get(nodes, { name: node })?.metadata.uid) return `node ${who} UID mismatch: expected ${owner.uid}`
  if (pod.spec.serviceAccountName) return `node ${who} can not create pods that reference a service account`
  const { secrets, configMaps, claims } = referencesOf(pod)
  const referred = Object.entries({ secrets, configmaps: configMaps, persistentvolumeclaims: claims }).find(([, names]) => names.size)
  return referred && `node ${who} can not create pods that reference ${referred[0]}`
}

function nodeRefusal(node: string, { operation, name, object, old }: Attributes): string | undefined {
  const who = JSON.stringify(node)
  const asked = name || (object?.metadata.name ?? '')
  if (asked !== node) return `node ${who} is not allowed to modify node ${JSON.stringify(asked)}`
  if (!object) return undefined
  const [before, after] = [old as unknown as Node | undefined, object as unknown as Node]
  if (operation === 'UPDATE' && !equalJson(before?.spec?.taints ?? [], after.spec?.taints ?? [])) return `node ${who} is not allowed to modify taints`
  const [had, has] = [before?.metadata.labels ?? {}, after.metadata.labels ?? {}]
  const changed = [...new Set([...Object.keys(had), ...Object.keys(has)])].filter((key) => isRestricted(key) && had[key] !== has[key])
  const verb = operation === 'CREATE' ? 'set' : 'modify'
  return changed.length ? `is not allowed to ${verb} labels: ${changed.sort().join(', ')}` : undefined
}

const isRestricted = (key: string): boolean => {
  const domain = key.slice(0, Math.max(0, key.indexOf('/')))
  return domain === restrictedDomain || domain.endsWith(`.${restrictedDomain}`)
}

function leaseRefusal(node: string, { name, namespace, object }: Attributes): string | undefined {
  if (namespace !== 'kube-node-lease') return 'can only access leases in the "kube-node-lease" system namespace'
  const asked = name || ((object as unknown as Lease | undefined)?.metadata.name ?? '')
  return asked === node ? undefined : 'can only access node lease with the same name as the requesting node'
}
