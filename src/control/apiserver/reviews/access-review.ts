import { badRequest } from '../errors.ts'
import type { Authorizer } from '../auth/authorizer.ts'
import type { UserInfo } from '../request.ts'

export interface AccessSpec {
  readonly resourceAttributes?: {
    readonly verb?: string
    readonly group?: string
    readonly version?: string
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string }
}

/** The fields that the answer adds to a (Self)SubjectAccessReview. */
export async function accessReview(authorizer: Authorizer, spec: AccessSpec, user: UserInfo): Promise<object> {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec
  if ((resource === undefined) === (path === undefined)) throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified')
  const decision = await authorizer.authorize(
    resource
      ? {
          user,
          verb: resource.verb ?? '',
          group: resource.group ?? '',
          version: resource.version ?? '',
          plural: resource.resource ?? '',
          subresource: resource.subresource ?? '',
          namespace: resource.namespace ?? '',
          name: resource.name ?? '',
          path: '',
        }
      : { user, verb: path?.verb ?? '', group: '', version: '', plural: '', subresource: '', namespace: '', name: '', path: path?.path ?? '' },
  )
  return { status: { allowed: decision.allowed, ...(decision.reason ? { reason: decision.reason } : {}) } }
}
