import type { PolicyRule } from '../../../base/api/generated/types.ts'
import type { UserInfo } from '../request.ts'

export interface AccessRequest {
  readonly user: UserInfo
  readonly verb: string
  readonly group: string
  readonly version: string
  /** Empty for a non-resource path. */
  readonly plural: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** For a non-resource path. */
  readonly path: string
}

export interface Decision {
  readonly allowed: boolean
  readonly reason?: string
}

export interface Authorizer {
  authorize(request: AccessRequest): Decision | Promise<Decision>
  /** All that `user` is granted in `namespace`, for `kubectl auth can-i --list`. */
  rulesFor(user: UserInfo, namespace: string): readonly PolicyRule[]
}

/** Upstream's words for a refusal. */
export function describeAccess({ user, verb, group, plural, subresource, namespace, path }: AccessRequest): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`
  if (!plural) return `${who} path ${JSON.stringify(path)}`
  const what = subresource ? `${plural}/${subresource}` : plural
  return `${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'}`
}
