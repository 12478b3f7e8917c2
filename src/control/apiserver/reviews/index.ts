import type { Kind } from '../../../base/api/kind.ts'
import type { Authorizer } from '../auth/authorizer.ts'
import type { TokenAuthenticator } from '../auth/authenticator.ts'
import type { ApiRequest, UserInfo } from '../request.ts'
import { accessReview } from './access-review.ts'
import { selfSubjectReview } from './self-subject-review.ts'
import { selfSubjectRulesReview } from './self-subject-rules-review.ts'
import { tokenReview } from './token-review.ts'

export interface ReviewContext {
  readonly authorizer: Authorizer
  readonly tokens: TokenAuthenticator
  readonly now: () => string
}

/** A question that is answered at once and never stored. */
export interface Review {
  readonly kind: Kind
  answer(ctx: ReviewContext, object: Readonly<Record<string, unknown>>, request: ApiRequest): Promise<object>
}

const define = (group: string, kind: string, namespaced = false): Kind => {
  const singular = kind.toLowerCase()
  return {
    group: `${group}.k8s.io`,
    version: 'v1',
    kind,
    plural: `${singular}s`,
    singular,
    namespaced,
    shortNames: [],
    categories: [],
    type: `${group}/v1.${kind}`,
  }
}

type AccessSpec = Parameters<typeof accessReview>[1] & { user?: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> }
const specOf = (object: Readonly<Record<string, unknown>>) => (object['spec'] ?? {}) as AccessSpec
const userOf = ({ user, uid, groups, extra }: AccessSpec): UserInfo => ({
  name: user ?? '',
  groups: groups ?? [],
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
})

export const reviews: readonly Review[] = [
  { kind: define('authentication', 'TokenReview'), answer: (ctx, object) => tokenReview(ctx.tokens, object) },
  { kind: define('authentication', 'SelfSubjectReview'), answer: async (ctx, object, { user }) => selfSubjectReview(object, user, ctx.now()) },
  { kind: define('authorization', 'SelfSubjectAccessReview'), answer: async (ctx, object, { user }) => accessReview(ctx.authorizer, specOf(object), user) },
  { kind: define('authorization', 'SubjectAccessReview'), answer: async (ctx, object) => accessReview(ctx.authorizer, specOf(object), userOf(specOf(object))) },
  {
    kind: define('authorization', 'LocalSubjectAccessReview', true),
    answer: async (ctx, object) => accessReview(ctx.authorizer, specOf(object), userOf(specOf(object))),
  },
  {
    kind: define('authorization', 'SelfSubjectRulesReview'),
    answer: async (ctx, object, { user }) =>
      selfSubjectRulesReview((object['spec'] ?? {}) as { namespace?: string }, (namespace) => ctx.authorizer.rulesFor(user, namespace)),
  },
]

/** `bindings`: the older spelling of a Pod's subresource, for clients that post one by itself. */
export const bindingKind: Kind = {
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  singular: 'binding',
  namespaced: true,
  shortNames: [],
  categories: [],
  type: 'core/v1.Binding',
}

export const reviewKinds: readonly Kind[] = reviews.map(({ kind }) => kind)
