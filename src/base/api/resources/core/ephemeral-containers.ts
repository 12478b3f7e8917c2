// What `kubectl debug` may add to a Pod, and what it may not.
import { isDeepStrictEqual } from 'node:util'
import type { EphemeralContainer, Pod } from '../../generated/types.ts'
import type { FieldFault } from '../../resource.ts'
import { duplicate, forbidden, notFound } from '../field.ts'
import { validateContainer } from '../pod-validation.ts'

const field = 'spec.ephemeralContainers'
/** Fields of a container that need a life of its own, which an ephemeral one has not. */
const refused = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
] as const

/** The faults of an update of a Pod's ephemeral containers: they are added, and stand once made. */
export const validateEphemeralContainers = ({ spec }: Pod, old: Pod): FieldFault[] => {
  const now = spec.ephemeralContainers ?? []
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name))
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name))
  return [
    ...now.flatMap((container, i) => {
      const at = `${field}[${i}]`
      const isTaken = others.has(container.name) || now.findIndex(({ name }) => name === container.name) < i
      return [
        ...validateContainer(container, at, volumes),
        ...(isTaken ? [duplicate(`${at}.name`, container.name)] : []),
        ...validateParticulars(container, at, others),
      ]
    }),
    ...(old.spec.ephemeralContainers ?? []).flatMap((before) => validateKept(before, now)),
  ]
}

const validateParticulars = (container: EphemeralContainer, at: string, others: ReadonlySet<string>): FieldFault[] => {
  const { targetContainerName: target } = container
  return [
    ...(target && !others.has(target) ? [notFound(`${at}.targetContainerName`, target)] : []),
    ...refused.filter((name) => isSet(container[name])).map((name) => forbidden(`${at}.${name}`, 'cannot be set for an Ephemeral Container')),
    ...(container.volumeMounts ?? []).flatMap((mount, i) =>
      (['subPath', 'subPathExpr'] as const)
        .filter((name) => mount[name])
        .map((name) => forbidden(`${at}.volumeMounts[${i}].${name}`, 'cannot be set for an Ephemeral Container')),
    ),
  ]
}

const validateKept = (before: EphemeralContainer, now: readonly EphemeralContainer[]): FieldFault[] => {
  const same = now.find(({ name }) => name === before.name)
  if (!same) return [forbidden(field, `existing ephemeral containers "${before.name}" may not be removed\n`)]
  return isDeepStrictEqual(same, before) ? [] : [forbidden(field, `existing ephemeral containers "${before.name}" may not be changed\n`)]
}

const isSet = (value: unknown): boolean => value !== undefined && (typeof value !== 'object' || Object.keys(value ?? {}).length > 0)
