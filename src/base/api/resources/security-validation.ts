// The rules of who a Pod's containers run as and what they may.
import type { Container, PodSpec, SeccompProfile, SecurityContext } from '../generated/types.ts'
import type { FieldFault } from '../resource.ts'
import { duplicate, invalid, notSupported, oneOf, required } from './field.ts'

const mostId = 2 ** 31 - 1

const validateId = (field: string, id: number | undefined): FieldFault[] =>
  id !== undefined && (id < 0 || id > mostId) ? [invalid(field, id, `must be between 0 and ${mostId}, inclusive`)] : []

const validateChoice = (field: string, value: string | undefined, supported: readonly string[]): FieldFault[] =>
  value === undefined || supported.includes(value) ? [] : [notSupported(field, value, supported)]

const validateSeccomp = (profile: SeccompProfile | undefined, at: string): FieldFault[] => {
  if (!profile) return []
  const isLocal = profile.type === 'Localhost'
  return [
    ...oneOf(`${at}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined']),
    ...(isLocal && !profile.localhostProfile ? [required(`${at}.localhostProfile`, 'must be set when seccomp type is Localhost')] : []),
    ...(!isLocal && profile.localhostProfile !== undefined
      ? [invalid(`${at}.localhostProfile`, profile.localhostProfile, 'can only be set when seccomp type is Localhost')]
      : []),
  ]
}

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/

export const validatePodSecurity = ({ securityContext: context = {} }: PodSpec, field: string): FieldFault[] => {
  const at = `${field}.securityContext`
  const sysctls = context.sysctls ?? []
  return [
    ...(['fsGroup', 'runAsUser', 'runAsGroup'] as const).flatMap((name) => validateId(`${at}.${name}`, context[name])),
    ...(context.supplementalGroups ?? []).flatMap((id, i) => validateId(`${at}.supplementalGroups[${i}]`, id)),
    ...validateSeccomp(context.seccompProfile, `${at}.seccompProfile`),
    ...validateChoice(`${at}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...validateChoice(`${at}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    ...sysctls.flatMap(({ name }, i) => {
      if (!name) return [required(`${at}.sysctls[${i}].name`)]
      if (!sysctlName.test(name)) return [invalid(`${at}.sysctls[${i}].name`, name, `must have at most 253 characters and match regex ${sysctlName.source}`)]
      return sysctls.findIndex((other) => other.name === name) < i ? [duplicate(`${at}.sysctls[${i}].name`, name)] : []
    }),
  ]
}

export const validateSecurity = ({ securityContext: context }: Pick<Container, 'securityContext'>, container: string): FieldFault[] => {
  if (!context) return []
  const at = `${container}.securityContext`
  return [
    ...validateId(`${at}.runAsUser`, context.runAsUser),
    ...validateId(`${at}.runAsGroup`, context.runAsGroup),
    ...validateSeccomp(context.seccompProfile, `${at}.seccompProfile`),
    ...validateChoice(`${at}.procMount`, context.procMount, ['Default', 'Unmasked']),
    ...(context.allowPrivilegeEscalation === false ? validateEscalation(context, at) : []),
  ]
}

const validateEscalation = (context: SecurityContext, at: string): FieldFault[] => [
  ...(context.privileged ? [invalid(at, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')] : []),
  ...(context.capabilities?.add?.includes('CAP_SYS_ADMIN')
    ? [invalid(at, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN')]
    : []),
]
