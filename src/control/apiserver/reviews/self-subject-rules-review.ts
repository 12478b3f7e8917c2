import type { PolicyRule } from '../../../base/api/generated/types.ts'
import { badRequest } from '../errors.ts'

/** `kubectl auth can-i --list`: what the asking user is granted in a namespace. */
export function selfSubjectRulesReview(spec: { readonly namespace?: string }, rulesIn: (namespace: string) => readonly PolicyRule[]): object {
  if (!spec.namespace) throw badRequest('no namespace on request')
  const rules = rulesIn(spec.namespace)
  return {
    status: {
      resourceRules: rules
        .filter(({ nonResourceURLs }) => !nonResourceURLs?.length)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, ...(resourceNames ? { resourceNames } : {}) })),
      nonResourceRules: rules.filter(({ nonResourceURLs }) => nonResourceURLs?.length).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: false,
    },
  }
}
