// NetworkPolicies and the addresses of Services.
import { isDeepStrictEqual } from 'node:util'
import { isIP } from 'node:net'
import type { IPAddress, NetworkPolicy, ServiceCIDR } from '../../generated/types.ts'
import { ipAddresses, networkPolicies, serviceCIDRs } from '../../kinds.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { immutable, invalid, required } from '../field.ts'
import { validateLabelSelector } from '../metadata.ts'
import { selectorText } from '../text.ts'

export const networkPolicy = defineResource<NetworkPolicy>({
  kind: networkPolicies,
  hasGeneration: true,
  defaults({ spec }) {
    if (!spec) return
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP'
    if ((spec.policyTypes ?? []).length === 0) spec.policyTypes = ['Ingress', ...((spec.egress ?? []).length > 0 ? ['Egress'] : [])]
  },
  validate: ({ spec }) => validateLabelSelector(spec?.podSelector, 'spec.podSelector'),
  columns: [nameColumn, column('Pod-Selector', ({ spec }) => selectorText(spec?.podSelector), { description: 'The Pods that it is about.' }), ageColumn],
})

const isCidr = (text: string): boolean => {
  const [address = '', bits = ''] = text.split('/')
  return /^\d+$/.test(bits) && (isIP(address) === 4 ? Number(bits) <= 32 : isIP(address) === 6 && Number(bits) <= 128)
}

export const serviceCIDR = defineResource<ServiceCIDR>({
  kind: serviceCIDRs,
  subresources: ['status'],
  hasGeneration: true,
  validate: ({ spec }, old) => [
    ...((spec?.cidrs ?? []).length === 0 ? [required('spec.cidrs', 'at least one CIDR required')] : []),
    ...(spec?.cidrs ?? []).flatMap((cidr, i) =>
      isCidr(cidr) ? [] : [invalid(`spec.cidrs[${i}]`, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')],
    ),
    ...(old ? immutable('spec.cidrs[0]', spec?.cidrs?.[0], spec?.cidrs?.[0] !== old.spec?.cidrs?.[0]) : []),
  ],
  columns: [nameColumn, column('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(','), { description: 'The ranges.' }), ageColumn],
})

const parentText = ({ spec }: IPAddress): string => {
  const { group, resource = '', namespace, name } = spec?.parentRef ?? {}
  return [group ? `${resource}.${group}` : resource, namespace, name].filter(Boolean).join('/')
}

export const ipAddress = defineResource<IPAddress>({
  kind: ipAddresses,
  nameRule: 'ip',
  hasGeneration: true,
  validate: ({ spec }, old) => [
    ...(spec?.parentRef ? [] : [required('spec.parentRef')]),
    ...(old ? immutable('spec.parentRef', spec?.parentRef, !isDeepStrictEqual(spec?.parentRef, old.spec?.parentRef)) : []),
  ],
  columns: [nameColumn, column('ParentRef', parentText, { description: 'Whose address it is.' }), ageColumn],
})
