import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Secret, Volume, VolumeProjection } from '../../../base/api/generated/types.ts'
import type { References } from '../environment.ts'
import { fieldValue, resourceFieldValue, type FieldContext } from '../field-refs.ts'
import type { VolumeFile } from './atomic-writer.ts'

export interface PayloadSources {
  readonly context: FieldContext
  readonly references: References
  token(options: { readonly audience?: string; readonly expirationSeconds: number }): Promise<string>
}

export type Payload = Map<string, VolumeFile>

/** Whether the volume's content is made from API objects. */
export const hasPayload = (volume: Volume): boolean => Boolean(volume.configMap ?? volume.secret ?? volume.projected ?? volume.downwardAPI)

/** The files of a configMap, secret, downwardAPI or projected volume. Throws with upstream's words where something it needs is missing. */
export const volumePayload = async (volume: Volume, sources: PayloadSources): Promise<Payload> => {
  const defaultMode = (volume.configMap ?? volume.secret ?? volume.projected ?? volume.downwardAPI)?.defaultMode ?? 0o644
  if (volume.projected) {
    const all: Payload = new Map()
    for (const source of volume.projected.sources ?? []) for (const [path, file] of await projection(source, defaultMode, sources)) all.set(path, file)
    return all
  }
  const { configMap, secret, downwardAPI } = volume
  return projection(
    {
      ...(configMap ? { configMap } : {}),
      ...(secret ? { secret: { ...secret, name: secret.secretName ?? '' } } : {}),
      ...(downwardAPI ? { downwardAPI } : {}),
    },
    defaultMode,
    sources,
  )
}

const projection = async (source: VolumeProjection, mode: number, sources: PayloadSources): Promise<Payload> => {
  const namespace = sources.context.pod.metadata.namespace ?? ''
  if (source.configMap) {
    const { name = '', optional = false, items } = source.configMap
    const found = await sources.references.configMap(namespace, name)
    if (!found && !optional) throw new Error(`configmap "${name}" not found`)
    return select({ data: configMapData(found), items, mode, optional, what: `configmap` })
  }
  if (source.secret) {
    const { name = '', optional = false, items } = source.secret
    const found = await sources.references.secret(namespace, name)
    if (!found && !optional) throw new Error(`secret "${name}" not found`)
    return select({ data: secretData(found), items, mode, optional, what: 'secret' })
  }
  if (source.downwardAPI) return new Map((source.downwardAPI.items ?? []).map((item) => [item.path, downwardFile(item, mode, sources.context)]))
  if (source.serviceAccountToken) {
    const { path, audience, expirationSeconds = 3600 } = source.serviceAccountToken
    const token = await sources.token({ ...(audience ? { audience } : {}), expirationSeconds })
    const { runAsUser, fsGroup } = sources.context.pod.spec.securityContext ?? {}
    return new Map([[path, { data: Buffer.from(token), mode: runAsUser === undefined && fsGroup === undefined ? mode : 0o600 }]])
  }
  return new Map()
}

const configMapData = (configMap: ConfigMap | undefined): Map<string, Buffer> =>
  new Map([
    ...Object.entries(configMap?.data ?? {}).map(([key, value]): [string, Buffer] => [key, Buffer.from(value)]),
    ...Object.entries(configMap?.binaryData ?? {}).map(([key, value]): [string, Buffer] => [key, Buffer.from(value, 'base64')]),
  ])

const secretData = (secret: Secret | undefined): Map<string, Buffer> =>
  new Map(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]))

interface Selection {
  readonly data: ReadonlyMap<string, Buffer>
  readonly items: readonly KeyToPath[] | undefined
  readonly mode: number
  readonly optional: boolean
  readonly what: string
}

const select = ({ data, items, mode, optional, what }: Selection): Payload => {
  if (!items?.length) return new Map([...data].map(([key, value]) => [key, { data: value, mode }]))
  const payload: Payload = new Map()
  for (const item of items) {
    const value = data.get(item.key)
    if (!value && !optional) throw new Error(`${what} references non-existent ${what === 'secret' ? 'secret' : 'config'} key: ${item.key}`)
    if (value) payload.set(item.path, { data: value, mode: item.mode ?? mode })
  }
  return payload
}

const downwardFile = (item: DownwardAPIVolumeFile, mode: number, context: FieldContext): VolumeFile => {
  const text = item.fieldRef ? fieldValue(item.fieldRef.fieldPath, context) : item.resourceFieldRef ? resourceFieldValue(item.resourceFieldRef, context) : ''
  return { data: Buffer.from(text), mode: item.mode ?? mode }
}
