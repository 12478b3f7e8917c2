import type { Pod } from '../../../../base/api/generated/types.ts'
import { persistentVolumeClaims } from '../../../../base/api/kinds.ts'
import type { Reader } from '../../context.ts'
import type { UserInfo } from '../../request.ts'
import type { AccessRequest, Decision } from '../authorizer.ts'
import { ruleAllows } from '../rbac/rule.ts'
import type { NodePods } from './node-pods.ts'
import { nodeRules } from './node-rules.ts'
import { referencesOf } from './pod-references.ts'

const [userPrefix, group] = ['system:node:', 'system:nodes']

/** The node that asks; undefined for everybody else. */
export const nodeNameOf = ({ name, groups }: UserInfo): string | undefined =>
  name.startsWith(userPrefix) && groups.includes(group) ? name.slice(userPrefix.length) : undefined

const reads = new Set(['get', 'list', 'watch'])
const refuse = (reason: string): Decision => ({ allowed: false, reason })

export interface NodeAuthorizerOptions {
  readonly reader: Reader
  readonly pods: NodePods
}

/** A kubelet may read what its own Pods refer to, and no more. Answers undefined for users that are no nodes. */
export class NodeAuthorizer {
  readonly #reader: Reader
  readonly #pods: NodePods

  constructor({ reader, pods }: NodeAuthorizerOptions) {
    this.#reader = reader
    this.#pods = pods
  }

  authorize(access: AccessRequest): Decision | undefined {
    const node = nodeNameOf(access.user)
    if (node === undefined) return undefined
    return this.#narrowed(node, access) ?? { allowed: nodeRules.some((rule) => ruleAllows(rule, access)) }
  }

  /** The kinds that are judged by object; undefined for others. */
  #narrowed(node: string, access: AccessRequest): Decision | undefined {
    const { group: apiGroup, plural, subresource, namespace, name } = access
    const related = (uses: (pod: Pod) => boolean) => this.#related(node, access, uses)
    switch (`${apiGroup}/${plural}`) {
      case '/secrets':
        return readRefusal(access) ?? related((pod) => pod.metadata.namespace === namespace && referencesOf(pod).secrets.has(name))
      case '/configmaps':
        return readRefusal(access) ?? related((pod) => pod.metadata.namespace === namespace && referencesOf(pod).configMaps.has(name))
      case '/persistentvolumeclaims':
        if (subresource === 'status') return undefined
        return getRefusal(access) ?? related((pod) => pod.metadata.namespace === namespace && referencesOf(pod).claims.has(name))
      case '/persistentvolumes':
        return getRefusal(access) ?? related((pod) => this.#mounts(pod, name))
      case '/serviceaccounts':
        if (access.verb !== 'create' || subresource !== 'token') return refuse('can only create tokens for individual service accounts')
        return related((pod) => pod.metadata.namespace === namespace && pod.spec.serviceAccountName === name)
      case 'coordination.k8s.io/leases':
        return leaseRefusal(node, access)
      default:
        return undefined
    }
  }

  #related(node: string, { name }: AccessRequest, uses: (pod: Pod) => boolean): Decision {
    if (!name) return refuse('No Object name found')
    for (const pod of this.#pods.of(node)) if (uses(pod)) return { allowed: true }
    return refuse(`no relationship found between node '${node}' and this object`)
  }

  #mounts(pod: Pod, volume: string): boolean {
    const { namespace } = pod.metadata
    return [...referencesOf(pod).claims].some((name) => this.#reader.get(persistentVolumeClaims, { namespace, name })?.spec.volumeName === volume)
  }
}

function readRefusal({ verb, subresource, namespace }: AccessRequest): Decision | undefined {
  if (!reads.has(verb)) return refuse('can only read resources of this type')
  if (subresource) return refuse('cannot read subresource')
  return namespace ? undefined : refuse('can only read namespaced object of this type')
}

function getRefusal({ verb, subresource }: AccessRequest): Decision | undefined {
  if (verb !== 'get') return refuse('can only get individual resources of this type')
  return subresource ? refuse('cannot get subresource') : undefined
}

/** Undefined: the rules decide. */
function leaseRefusal(node: string, { verb, namespace, name }: AccessRequest): Decision | undefined {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) return refuse('can only get, create, update, patch, or delete a node lease')
  if (namespace !== 'kube-node-lease') return refuse('can only access leases in the "kube-node-lease" system namespace')
  if (verb !== 'create' && name !== node) return refuse('can only access node lease with the same name as the requesting node')
  return undefined
}
