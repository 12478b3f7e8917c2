import { badRequest, forbidden } from '../errors.ts'
import { anonymous, type UserInfo } from '../request.ts'
import { authenticatedGroup } from './authenticator.ts'
import { describeAccess, type AccessRequest, type Authorizer } from './authorizer.ts'

type Headers = Readonly<Record<string, string>>

const [userHeader, groupHeader, uidHeader, extraPrefix] = ['impersonate-user', 'impersonate-group', 'impersonate-uid', 'impersonate-extra-']

/** `kubectl --as`: who may `impersonate` the user and every group, uid and extra value asked for becomes that user. */
export async function impersonate(authorizer: Authorizer, user: UserInfo, headers: Headers): Promise<UserInfo> {
  const wanted = wantedOf(headers)
  if (!wanted) return user
  for (const access of accessesOf(user, wanted)) {
    const { allowed, reason } = await authorizer.authorize(access)
    if (!allowed) throw forbidden(access, access.name, describeAccess(access) + (reason ? `: ${reason}` : ''))
  }
  return wanted
}

function wantedOf(headers: Headers): UserInfo | undefined {
  const name = headers[userHeader]
  const extra = Object.entries(headers).filter(([header]) => header.startsWith(extraPrefix))
  if (!name) {
    if (headers[groupHeader] || headers[uidHeader] || extra.length) throw badRequest('requested [groups, extra, uid] without impersonating a user')
    return undefined
  }
  const asked = listed(headers[groupHeader])
  return {
    name,
    groups: [...(asked.length ? asked : accountGroups(name)), ...(name === anonymous.name ? anonymous.groups : [authenticatedGroup])].filter(isFirst),
    ...(headers[uidHeader] ? { uid: headers[uidHeader] } : {}),
    ...(extra.length
      ? { extra: Object.fromEntries(extra.map(([header, value]) => [decodeURIComponent(header.slice(extraPrefix.length)), listed(value)])) }
      : {}),
  }
}

const listed = (value: string | undefined): string[] =>
  (value ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
const isFirst = (value: string, index: number, values: readonly string[]): boolean => values.indexOf(value) === index

const account = (name: string) => /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)

const accountGroups = (name: string): string[] => {
  const namespace = account(name)?.[1]
  return namespace ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : []
}

/** What must be allowed. The groups that follow from the name are not asked for. */
function accessesOf(user: UserInfo, { name, groups, uid, extra = {} }: UserInfo): AccessRequest[] {
  const base = { user, verb: 'impersonate', group: '', version: 'v1', subresource: '', namespace: '', path: '' }
  const implied = new Set([...accountGroups(name), ...(name === anonymous.name ? anonymous.groups : [authenticatedGroup])])
  const [, namespace = '', accountName = ''] = account(name) ?? []
  return [
    namespace ? { ...base, plural: 'serviceaccounts', namespace, name: accountName } : { ...base, plural: 'users', name },
    ...groups.filter((one) => !implied.has(one)).map((one) => ({ ...base, plural: 'groups', name: one })),
    ...(uid ? [{ ...base, group: 'authentication.k8s.io', plural: 'uids', name: uid }] : []),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({ ...base, group: 'authentication.k8s.io', plural: 'userextras', subresource: key, name: value })),
    ),
  ]
}
