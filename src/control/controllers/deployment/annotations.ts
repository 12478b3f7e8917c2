import type { Deployment, ReplicaSet } from '../../../base/api/generated/types.ts'
import type { KubeObject } from '../../../base/api/object.ts'

export const annotations = {
  revision: 'deployment.kubernetes.io/revision',
  revisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
} as const

export type Annotations = Readonly<Record<string, string>>

const notCopied: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  ...Object.values(annotations),
])

export const numberAnnotation = (object: KubeObject, name: string): number => Number.parseInt(object.metadata.annotations?.[name] ?? '', 10) || 0

export const revisionOf = (object: KubeObject): number => numberAnnotation(object, annotations.revision)

export const maxRevision = (sets: readonly ReplicaSet[]): number => Math.max(0, ...sets.map(revisionOf))

/** The annotations of the newest ReplicaSet: the Deployment's own, its revision, and the revisions it had before. */
export const newSetAnnotations = (d: Deployment, existing: Annotations, revision: number): Annotations => {
  const copied = Object.fromEntries(Object.entries(d.metadata.annotations ?? {}).filter(([name]) => !notCopied.has(name)))
  const before = existing[annotations.revision]
  const merged = { ...existing, ...copied }
  if (before !== undefined && Number(before) >= revision) return merged
  const history = [existing[annotations.revisionHistory], before].filter(Boolean).join(',')
  return { ...merged, [annotations.revision]: String(revision), ...(history ? { [annotations.revisionHistory]: history } : {}) }
}
