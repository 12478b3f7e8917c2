// ConfigMaps, Secrets and ServiceAccounts.
import { isDeepStrictEqual } from 'node:util'
import type { ConfigMap, Secret, ServiceAccount } from '../../generated/types.ts'
import { configMaps, secrets, serviceAccounts } from '../../kinds.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { forbidden, immutable, invalid, invalidAll, required, tooLong } from '../field.ts'
import { configKey } from '../names.ts'

const maxBytes = 1024 * 1024

type Data = Readonly<Record<string, string>> | undefined

const validateKeys = (data: Data, field: string): FieldFault[] => Object.keys(data ?? {}).flatMap((key) => invalidAll(`${field}[${key}]`, key, configKey(key)))
const textBytes = (data: Data): number => Object.values(data ?? {}).reduce((sum, value) => sum + Buffer.byteLength(value), 0)
const base64Bytes = (data: Data): number => Object.values(data ?? {}).reduce((sum, value) => sum + Buffer.byteLength(value, 'base64'), 0)

/** What was made immutable stays so, with its data. */
const validateFrozen = <T extends { readonly immutable?: boolean }>(object: T, old: T | undefined, fields: readonly (keyof T & string)[]): FieldFault[] => {
  if (!old?.immutable) return []
  const changed = fields.filter((field) => !isDeepStrictEqual(object[field] ?? {}, old[field] ?? {}))
  return [...(object.immutable ? [] : ['immutable']), ...changed].map((field) => forbidden(field, 'field is immutable when `immutable` is set'))
}

const count = (...data: Data[]): number => data.reduce((sum, one) => sum + Object.keys(one ?? {}).length, 0)
const dataDescription = { description: 'How many entries it has.' }

export const configMap = defineResource<ConfigMap>({
  kind: configMaps,
  hasSpec: false,
  validate: (object, old) => [
    ...validateKeys(object.data, 'data'),
    ...validateKeys(object.binaryData, 'binaryData'),
    ...Object.keys(object.data ?? {})
      .filter((key) => Object.hasOwn(object.binaryData ?? {}, key))
      .map((key) => invalid(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...(textBytes(object.data) + base64Bytes(object.binaryData) > maxBytes ? [tooLong('', maxBytes)] : []),
    ...validateFrozen(object, old, ['data', 'binaryData']),
  ],
  columns: [nameColumn, column('Data', (object) => String(count(object.data, object.binaryData)), dataDescription), ageColumn],
})

/** The keys that a well-known type of Secret must have. */
const neededKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
}

const dockerKeys: Readonly<Record<string, string>> = { 'kubernetes.io/dockercfg': '.dockercfg', 'kubernetes.io/dockerconfigjson': '.dockerconfigjson' }

/** Credentials that no kubelet could read are refused; their content is never repeated. */
const validateDocker = ({ type, data }: Secret): FieldFault[] => {
  const key = dockerKeys[type ?? '']
  const value = key === undefined ? undefined : data?.[key]
  if (value === undefined || isJson(Buffer.from(value, 'base64').toString())) return []
  return [invalid(`data[${key}]`, '<secret contents redacted>', 'must be valid JSON')]
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const validateType = (object: Secret): FieldFault[] => {
  if (object.type === 'kubernetes.io/basic-auth' && !('username' in (object.data ?? {})) && !('password' in (object.data ?? {}))) {
    return [required('data[username]'), required('data[password]')]
  }
  const account = 'kubernetes.io/service-account.name'
  if (object.type === 'kubernetes.io/service-account-token' && !object.metadata.annotations?.[account]) return [required(`metadata.annotations[${account}]`)]
  return (neededKeys[object.type ?? ''] ?? []).filter((key) => object.data?.[key] === undefined).map((key) => required(`data[${key}]`))
}

export const secret = defineResource<Secret>({
  kind: secrets,
  hasSpec: false,
  defaults(object) {
    object.type ||= 'Opaque'
    if (!object.stringData) return
    const folded = Object.entries(object.stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
    object.data = { ...object.data, ...(Object.fromEntries(folded) as Record<string, string>) }
    delete object.stringData
  },
  validate: (object, old) => [
    ...validateKeys(object.data, 'data'),
    ...(base64Bytes(object.data) > maxBytes ? [tooLong('data', maxBytes)] : []),
    ...validateType(object),
    ...validateDocker(object),
    ...(old ? immutable('type', object.type, object.type !== old.type) : []),
    ...validateFrozen(object, old, ['data']),
  ],
  columns: [
    nameColumn,
    column('Type', (object) => object.type ?? '', { description: 'What the Secret is for.' }),
    column('Data', (object) => String(count(object.data)), dataDescription),
    ageColumn,
  ],
})

export const serviceAccount = defineResource<ServiceAccount>({
  kind: serviceAccounts,
  hasSpec: false,
  subresources: ['token'],
  columns: [nameColumn, column('Secrets', (object) => String(object.secrets?.length ?? 0), { description: 'How many secrets it may use.' }), ageColumn],
})
