import type { PolicyRule } from '../../../../base/api/generated/types.ts'
import type { AccessRequest } from '../authorizer.ts'

const any = '*'

/** Whether one rule allows what is asked. */
export const ruleAllows = (rule: PolicyRule, access: AccessRequest): boolean =>
  has(rule.verbs, access.verb) && (access.plural ? allowsResource(rule, access) : (rule.nonResourceURLs ?? []).some((url) => urlMatches(url, access.path)))

function allowsResource({ apiGroups, resources, resourceNames }: PolicyRule, { group, plural, subresource, name }: AccessRequest): boolean {
  if (!has(apiGroups, group)) return false
  const asked = subresource ? `${plural}/${subresource}` : plural
  if (!has(resources, asked) && !(subresource && resources?.includes(`*/${subresource}`))) return false
  return !resourceNames?.length || resourceNames.includes(name)
}

const has = (values: readonly string[] | undefined, value: string): boolean => values !== undefined && (values.includes(any) || values.includes(value))

const urlMatches = (url: string, path: string): boolean => url === any || url === path || (url.endsWith(any) && path.startsWith(url.slice(0, -1)))

/** A rule for each combination that `rule` grants: one verb on one resource of one group (and name), or on one path. */
export function atomsOf({ verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): PolicyRule[] {
  const names = resourceNames.length ? resourceNames.map((name) => ({ resourceNames: [name] })) : [{}]
  return verbs.flatMap((verb) => [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) => names.map((name) => ({ verbs: [verb], apiGroups: [group], resources: [resource], ...name }))),
    ),
    ...nonResourceURLs.map((url) => ({ verbs: [verb], nonResourceURLs: [url] })),
  ])
}

/** What of `wanted` none of the rules `held` grants, in atoms. A wildcard is held only by a wildcard. */
export const notCovered = (held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] =>
  wanted.flatMap(atomsOf).filter((atom) => !held.some((rule) => covers(rule, atom)))

function covers(rule: PolicyRule, atom: PolicyRule): boolean {
  if (!has(rule.verbs, atom.verbs![0]!)) return false
  const url = atom.nonResourceURLs?.[0]
  if (url !== undefined) return (rule.nonResourceURLs ?? []).some((held) => urlMatches(held, url))
  const [group, resource, name] = [atom.apiGroups![0]!, atom.resources![0]!, atom.resourceNames?.[0]]
  if (!has(rule.apiGroups, group)) return false
  const subresource = resource.split('/')[1]
  if (!has(rule.resources, resource) && !(subresource && rule.resources?.includes(`*/${subresource}`))) return false
  return !rule.resourceNames?.length || (name !== undefined && rule.resourceNames.includes(name))
}

/** As upstream prints a rule in its refusals: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`. */
export function ruleText({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): string {
  const list = (title: string, values: readonly string[] | undefined) =>
    values?.length ? [`${title}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`] : []
  return `{${[
    ...list('APIGroups', apiGroups),
    ...list('Resources', resources),
    ...list('ResourceNames', resourceNames),
    ...list('NonResourceURLs', nonResourceURLs),
    ...list('Verbs', verbs),
  ].join(', ')}}`
}
