// The annotation of client-side apply, as far as server-side apply under kubectl's own name takes it over.
import type { KubeObject } from '../../api/object.ts'
import { compare } from './compare.ts'
import { difference, type FieldSet } from './field-set.ts'
import { setOf } from './set-of.ts'
import type { Shape } from './shape.ts'

const annotation = 'kubectl.kubernetes.io/last-applied-configuration'

const lastAppliedOf = ({ metadata }: KubeObject): string => metadata.annotations?.[annotation] ?? ''

/** The fields that kubectl applied from the client and that are still as it applied them: they are not fought over. */
export function grantedByLastApplied({ shape, live, apiVersion }: { shape: Shape; live: KubeObject; apiVersion: string }): FieldSet | undefined {
  const config = parse(lastAppliedOf(live))
  if (config?.apiVersion !== apiVersion) return undefined
  try {
    const { changed, removed } = compare(shape, config, live)
    return difference(difference(setOf(shape, config), changed), removed)
  } catch {
    // An annotation that is no object of this kind grants nothing.
    return undefined
  }
}

function parse(text: string): KubeObject | undefined {
  try {
    const value = text ? (JSON.parse(text) as KubeObject | null) : undefined
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** Keeps the annotation of an object that has one equal to what is applied, for those who go back to client-side apply. */
export function syncLastApplied({ object, live, config }: { object: KubeObject; live: KubeObject; config: object }): Record<string, unknown> {
  if (!lastAppliedOf(live)) return object as unknown as Record<string, unknown>
  const { metadata } = object
  const annotations = { ...metadata.annotations, [annotation]: `${JSON.stringify(sorted(withoutAnnotation(config)))}\n` }
  return { ...object, metadata: { ...metadata, annotations } }
}

function withoutAnnotation(config: object): object {
  const { metadata } = config as Partial<KubeObject>
  if (!metadata?.annotations || !(annotation in metadata.annotations)) return config
  const { [annotation]: _, ...annotations } = metadata.annotations
  return { ...config, metadata: { ...metadata, annotations } }
}

/** As Go writes maps. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  )
}
