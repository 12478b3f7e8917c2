// What the kinds that make Pods from a template share.
import { isDeepStrictEqual } from 'node:util'
import type { LabelSelector, PodTemplateSpec } from '../../generated/types.ts'
import type { FieldFault } from '../../resource.ts'
import { forbidden, immutable, invalid, notSupported, required } from '../field.ts'
import { isEmptySelector, selectorMatches, validateLabelSelector } from '../metadata.ts'
import { validatePodTemplate } from '../pod-validation.ts'

export interface WorkloadSpec {
  readonly selector?: LabelSelector
  readonly template: PodTemplateSpec
}

/** The selector, the template and that they fit; the Pods of `kind` are always restarted. */
export const validateWorkload = (spec: WorkloadSpec, kind: string): FieldFault[] => [
  ...validateSelector(spec.selector, kind),
  ...validateFit(spec),
  ...validatePodTemplate(spec.template, 'spec.template'),
  ...validateAlways(spec.template),
]

const validateSelector = (selector: LabelSelector | undefined, kind: string): FieldFault[] => {
  if (!selector) return [required('spec.selector')]
  return [
    ...validateLabelSelector(selector, 'spec.selector'),
    ...(isEmptySelector(selector) ? [invalid('spec.selector', selector, `empty selector is invalid for ${kind}`)] : []),
  ]
}

const validateFit = ({ selector, template }: WorkloadSpec): FieldFault[] => {
  if (!selector || isEmptySelector(selector) || validateLabelSelector(selector, '').length > 0) return []
  const labels = template?.metadata?.labels ?? {}
  return selectorMatches(selector, labels) ? [] : [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]
}

const validateAlways = (template: PodTemplateSpec | undefined): FieldFault[] => {
  const spec = template?.spec
  return [
    ...(spec?.restartPolicy && spec.restartPolicy !== 'Always' ? [notSupported('spec.template.spec.restartPolicy', spec.restartPolicy, ['Always'])] : []),
    ...(spec?.activeDeadlineSeconds === undefined
      ? []
      : [forbidden('spec.template.spec.activeDeadlineSeconds', 'activeDeadlineSeconds in ReplicaSet is not Supported')]),
  ]
}

export const selectorKept = (spec: WorkloadSpec, old: WorkloadSpec | undefined): FieldFault[] =>
  old ? immutable('spec.selector', spec.selector, !isDeepStrictEqual(spec.selector, old.selector)) : []

/** A count, or a percentage of at most 100 %. */
export const validateIntOrPercent = (value: string | number | undefined, field: string): FieldFault[] => {
  if (value === undefined) return []
  if (typeof value === 'number') return value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : []
  const percent = /^(\d+)%$/.exec(value)
  if (!percent)
    return [
      invalid(
        field,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    ]
  return Number(percent[1]) > 100 ? [invalid(field, value, 'must not be greater than 100%')] : []
}

export const isZero = (value: string | number | undefined): boolean => value === undefined || value === 0 || value === '0%'
