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
}

/** What everybody may read without a credential. */
const publicPath = /^\/(healthz|livez|readyz|version|openid\/v1\/jwks|\.well-known\/openid-configuration)(\/|$)/

const isClusterInfo = ({ verb, group, plural, namespace, name }: AccessRequest): boolean =>
  verb === 'get' && group === '' && plural === 'configmaps' && namespace === 'kube-public' && name === 'cluster-info'

/** Whoever has shown a valid credential may do anything. */
export const authenticatedAuthorizer: Authorizer = {
  authorize(request) {
    if (request.user.groups.includes('system:authenticated') || request.user.groups.includes('system:masters')) return { allowed: true }
    return { allowed: (!request.plural && publicPath.test(request.path)) || isClusterInfo(request) }
  },
}

/** Upstream's words for a refusal. */
export function describeAccess({ user, verb, group, plural, subresource, namespace, path }: AccessRequest): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`
  if (!plural) return `${who} path ${JSON.stringify(path)}`
  const what = subresource ? `${plural}/${subresource}` : plural
  return `${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'}`
}
