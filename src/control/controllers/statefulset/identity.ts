import type { PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet, Volume } from '../../../base/api/generated/types.ts'
import { statefulSets } from '../../../base/api/kinds.ts'
import type { Draft } from '../../../base/api/object.ts'
import { controllerRef } from '../../../base/client/owner-ref.ts'
import { revisionLabel } from '../lib/revisions.ts'

const podNameLabel = 'statefulset.kubernetes.io/pod-name'
const podIndexLabel = 'apps.kubernetes.io/pod-index'

export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`

/** The number at the end of a Pod's name, where the rest is the set's name. */
export const ordinalOf = (set: StatefulSet, pod: Pod): number | undefined => {
  const match = /^(.*)-(0|[1-9]\d*)$/.exec(pod.metadata.name)
  return match?.[1] === set.metadata.name ? Number(match[2]) : undefined
}

export const startOrdinal = (set: StatefulSet): number => set.spec.ordinals?.start ?? 0

export const wantedReplicas = (set: StatefulSet): number => set.spec.replicas ?? 1

export const isInRange = (set: StatefulSet, ordinal: number): boolean => ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + wantedReplicas(set)

export const revisionNameOf = (pod: Pod): string => pod.metadata.labels?.[revisionLabel] ?? ''

export const claimName = (template: PersistentVolumeClaim, pod: string): string => `${template.metadata.name}-${pod}`

/** The claims that a Pod of this set mounts, made from the set's claim templates. */
export const claimsFor = (set: StatefulSet, pod: string): readonly Draft<PersistentVolumeClaim>[] =>
  (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    metadata: {
      name: claimName(template, pod),
      namespace: set.metadata.namespace,
      labels: { ...template.metadata.labels, ...set.spec.selector?.matchLabels },
      annotations: template.metadata.annotations,
    },
    spec: template.spec as Draft<PersistentVolumeClaim['spec']>,
  }))

const volumesFor = (set: StatefulSet, pod: string, own: readonly Volume[] = []): readonly Volume[] => {
  const claims = (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: claimName(template, pod), readOnly: false },
  }))
  const replaced = new Set(claims.map(({ name }) => name))
  return [...claims, ...own.filter(({ name }) => !replaced.has(name))]
}

/** The Pod of an ordinal as a revision has it: name, hostname, subdomain, labels and claims are its stable identity. */
export const podFor = (set: StatefulSet, ordinal: number, from: { readonly template: PodTemplateSpec; readonly revision: string }): Draft<Pod> => {
  const name = podName(set, ordinal)
  const { labels, annotations, finalizers } = from.template.metadata ?? {}
  const spec = from.template.spec as Pod['spec']
  return {
    metadata: {
      name,
      namespace: set.metadata.namespace,
      labels: { ...labels, ...identityLabels(name, ordinal), [revisionLabel]: from.revision },
      annotations,
      finalizers,
      ownerReferences: [controllerRef(statefulSets, set)],
    },
    spec: { ...spec, hostname: name, subdomain: set.spec.serviceName, volumes: volumesFor(set, name, spec?.volumes) } as Draft<Pod['spec']>,
  }
}

const identityLabels = (name: string, ordinal: number) => ({ [podNameLabel]: name, [podIndexLabel]: String(ordinal) })

/** The labels of its identity that a Pod has lost; undefined where it has them all. */
export const lostLabels = (pod: Pod, ordinal: number): Readonly<Record<string, string>> | undefined => {
  const wanted = identityLabels(pod.metadata.name, ordinal)
  const isWhole = Object.entries(wanted).every(([label, value]) => pod.metadata.labels?.[label] === value)
  return isWhole ? undefined : wanted
}
