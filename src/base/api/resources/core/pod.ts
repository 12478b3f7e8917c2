import { isDeepStrictEqual } from 'node:util'
import type { Pod, Toleration } from '../../generated/types.ts'
import { pods } from '../../kinds.ts'
import { mutableCopy } from '../../object.ts'
import type { FieldFault } from '../../resource.ts'
import { defineResource } from '../define-resource.ts'
import { forbidden, invalid } from '../field.ts'
import { defaultPod } from '../pod-defaults.ts'
import { qosClassOf } from '../pod-qos.ts'
import { validatePodSpec } from '../pod-validation.ts'
import { podColumns } from './pod-columns.ts'

const changeable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
]

export const pod = defineResource<Pod>({
  kind: pods,
  subresources: ['status', 'binding', 'log', 'exec', 'attach', 'portforward', 'eviction', 'ephemeralcontainers'],
  hasGeneration: true,
  columns: podColumns,
  defaults: defaultPod,
  validate: (object, old) => [
    ...validatePodSpec(object.spec, 'spec'),
    ...(!old && object.spec.ephemeralContainers ? [forbidden('spec.ephemeralContainers', 'cannot be set on create')] : []),
    ...(old ? validateChange(old, object) : []),
  ],
  prepareCreate(object) {
    object.status = { phase: 'Pending', qosClass: qosClassOf(object.spec) }
  },
})

/** A Pod's spec stands once made, but for a few fields. */
const validateChange = (old: Pod, object: Pod): FieldFault[] => {
  const faults = (['containers', 'initContainers'] as const)
    .filter((field) => (object.spec[field] ?? []).length !== (old.spec[field] ?? []).length)
    .map((field) => forbidden(`spec.${field}`, `pod updates may not add or remove ${field === 'containers' ? 'containers' : 'init containers'}`))
  if (faults.length > 0) return faults
  const [deadline, oldDeadline] = [object.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds]
  if (oldDeadline !== undefined && (deadline === undefined || deadline > oldDeadline)) {
    return [invalid('spec.activeDeadlineSeconds', deadline, `must be less than or equal to previous value`)]
  }
  const [now, before] = [fixedPart(object, old), old.spec as unknown as Record<string, unknown>]
  const changed = [...new Set([...Object.keys(now), ...Object.keys(before)])].filter((field) => !isDeepStrictEqual(now[field], before[field]))
  if (changed.length === 0) return []
  const difference = changed.map((field) => `  spec.${field}: was ${JSON.stringify(before[field])}, is ${JSON.stringify(now[field])}`)
  return [forbidden('spec', `pod updates may not change fields other than ${changeable.join(',')}\n${difference.join('\n')}\n`)]
}

/** The new spec with the allowed changes taken back. */
const fixedPart = (object: Pod, old: Pod): Record<string, unknown> => {
  const spec = mutableCopy(object.spec)
  for (const field of ['containers', 'initContainers'] as const) spec[field]?.forEach((container, i) => (container.image = old.spec[field]![i]!.image ?? ''))
  const before = old.spec
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, schedulingGates: _gates, ...rest } = spec
  const keepGrace = (before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1
  const gatesOnlyRemoved = (spec.schedulingGates ?? []).every((gate) => before.schedulingGates?.some((one) => one.name === gate.name))
  return {
    ...rest,
    ...(before.activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds: before.activeDeadlineSeconds }),
    ...toKeep('tolerations', onlyAdds(spec.tolerations ?? [], before.tolerations ?? []) ? before.tolerations : spec.tolerations),
    ...toKeep('schedulingGates', gatesOnlyRemoved ? before.schedulingGates : spec.schedulingGates),
    ...(keepGrace ? { terminationGracePeriodSeconds: before.terminationGracePeriodSeconds } : {}),
  }
}

const toKeep = (field: string, value: unknown): Record<string, unknown> => (value === undefined ? {} : { [field]: value })

/** Every old toleration is still there, where only the seconds may differ. */
const onlyAdds = (now: readonly Toleration[], before: readonly Toleration[]): boolean => {
  const identity = ({ tolerationSeconds: _, ...rest }: Toleration) => rest
  return before.every((one) => now.some((other) => isDeepStrictEqual(identity(one), identity(other))))
}
