// Endpoints and EndpointSlices.
import { isDeepStrictEqual } from 'node:util'
import { isIP } from 'node:net'
import type { Endpoints, EndpointSlice } from '../../generated/types.ts'
import { endpoints as endpointsKind, endpointSlices } from '../../kinds.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { immutable, invalid, invalidAll, oneOf, required, unique } from '../field.ts'
import { dns1123Subdomain } from '../names.ts'
import { none, someOf } from '../text.ts'

const hostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

const endpointsText = ({ subsets = [] }: Endpoints): string => {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port))),
  )
  return someOf(all, 3) || none
}

export const endpoints = defineResource<Endpoints>({
  kind: endpointsKind,
  hasSpec: false,
  defaults(object) {
    for (const subset of object.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP'
  },
  columns: [nameColumn, column('Endpoints', endpointsText, { description: 'The addresses and ports behind the Service.' }), ageColumn],
})

const addressFault = (type: string, address: string, field: string) => {
  if (type === 'FQDN') return invalidAll(field, address, dns1123Subdomain(address))
  return isIP(address) === (type === 'IPv6' ? 6 : 4) ? [] : [invalid(field, address, `must be an ${type} address`)]
}

export const endpointSlice = defineResource<EndpointSlice>({
  kind: endpointSlices,
  hasSpec: false,
  hasGeneration: true,
  defaults(object) {
    object.endpoints ??= []
    for (const port of object.ports ?? []) {
      port.name ??= ''
      port.protocol ??= 'TCP'
    }
  },
  validate: (object, old) => [
    ...oneOf('addressType', object.addressType, ['FQDN', 'IPv4', 'IPv6']),
    ...(object.endpoints ?? []).flatMap(({ addresses = [] }, i) => [
      ...(addresses.length === 0 ? [required(`endpoints[${i}].addresses`, 'must contain at least 1 address')] : []),
      ...addresses.flatMap((address, a) => addressFault(object.addressType, address, `endpoints[${i}].addresses[${a}]`)),
    ]),
    ...unique(
      object.ports ?? [],
      (port) => port.name || undefined,
      (i) => `ports[${i}].name`,
    ),
    ...(object.ports ?? []).flatMap((port, i) => oneOf(`ports[${i}].protocol`, port.protocol, ['SCTP', 'TCP', 'UDP'])),
    ...(old ? immutable('addressType', object.addressType, !isDeepStrictEqual(object.addressType, old.addressType)) : []),
  ],
  columns: [
    nameColumn,
    column('AddressType', (object) => object.addressType, { description: 'The family of the addresses.' }),
    column(
      'Ports',
      (object) =>
        someOf(
          (object.ports ?? []).map(({ port }) => String(port ?? '*')),
          3,
        ) || '<unset>',
      { description: 'The ports of each endpoint.' },
    ),
    column(
      'Endpoints',
      (object) =>
        someOf(
          (object.endpoints ?? []).flatMap(({ addresses = [] }) => [...addresses]),
          3,
        ) || '<unset>',
      { description: 'The addresses.' },
    ),
    ageColumn,
  ],
})
