import { isIP } from 'node:net'
import type { FieldFault, NameRule } from '../resource.ts'
import type { KubeObject } from '../object.ts'
import type { LabelSelector, ObjectMeta, OwnerReference } from '../generated/types.ts'
import { forbidden, invalid, invalidAll, required, tooLong } from './field.ts'
import { dns1035Label, dns1123Label, dns1123Subdomain, labelValue, pathSegment, qualifiedName } from './names.ts'

const nameRules: Record<NameRule, (name: string) => string[]> = {
  dns1123subdomain: dns1123Subdomain,
  dns1123label: dns1123Label,
  dns1035label: dns1035Label,
  path: pathSegment,
  ip: (name) => (isIP(name) ? [] : ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']),
}

const maxAnnotationBytes = 256 * 1024

/** The rules of metadata that hold for every kind. */
export const validateMetadata = (object: KubeObject, { namespaced, nameRule }: { namespaced: boolean; nameRule: NameRule }): FieldFault[] => {
  const meta = object.metadata
  return [
    ...(meta.name ? invalidAll('metadata.name', meta.name, nameRules[nameRule](meta.name)) : [required('metadata.name', 'name or generateName is required')]),
    ...validateNamespace(meta.namespace, namespaced),
    ...validateLabels(meta.labels, 'metadata.labels'),
    ...validateAnnotations(meta.annotations, 'metadata.annotations'),
    ...(meta.ownerReferences ?? []).flatMap((owner, i) => validateOwner(owner, `metadata.ownerReferences[${i}]`)),
    ...validateControllers(meta.ownerReferences ?? []),
    ...(meta.finalizers ?? []).flatMap((finalizer) => validateFinalizer(finalizer)),
  ]
}

const validateNamespace = (namespace: string | undefined, namespaced: boolean): FieldFault[] => {
  if (!namespaced) return namespace ? [forbidden('metadata.namespace', 'not allowed on this type')] : []
  return namespace ? invalidAll('metadata.namespace', namespace, dns1123Label(namespace)) : [required('metadata.namespace')]
}

export const validateLabels = (labels: Readonly<Record<string, string>> | undefined, field: string): FieldFault[] =>
  Object.entries(labels ?? {}).flatMap(([key, value]) => [...invalidAll(field, key, qualifiedName(key)), ...invalidAll(field, value, labelValue(value))])

export const validateAnnotations = (annotations: Readonly<Record<string, string>> | undefined, field: string): FieldFault[] => {
  const entries = Object.entries(annotations ?? {})
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  // Upstream reads annotation keys without regard to case.
  return [
    ...entries.flatMap(([key]) => invalidAll(field, key, qualifiedName(key.toLowerCase()))),
    ...(size > maxAnnotationBytes ? [tooLong(field, maxAnnotationBytes)] : []),
  ]
}

const validateOwner = (owner: OwnerReference, field: string): FieldFault[] => [
  ...(owner.apiVersion ? [] : [invalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty')]),
  ...(owner.kind ? [] : [invalid(`${field}.kind`, owner.kind ?? '', 'must not be empty')]),
  ...(owner.name ? [] : [invalid(`${field}.name`, owner.name ?? '', 'must not be empty')]),
  ...(owner.uid ? [] : [invalid(`${field}.uid`, owner.uid ?? '', 'must not be empty')]),
]

const validateControllers = (owners: readonly OwnerReference[]): FieldFault[] => {
  const controllers = owners.filter((owner) => owner.controller)
  if (controllers.length < 2) return []
  const [first, second] = controllers.map((owner) => `${owner.kind}/${owner.name}`)
  return [
    invalid('metadata.ownerReferences', owners, `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`),
  ]
}

const builtInFinalizers = ['orphan', 'foregroundDeletion', 'kubernetes']

const validateFinalizer = (finalizer: string): FieldFault[] => {
  const faults = invalidAll('metadata.finalizers', finalizer, qualifiedName(finalizer))
  if (faults.length > 0 || finalizer.includes('/') || builtInFinalizers.includes(finalizer)) return faults
  return [invalid('metadata.finalizers', finalizer, 'name is neither a standard finalizer name nor is it fully qualified')]
}

/** The metadata of a template: it needs no name. */
export const validateTemplateMetadata = (meta: Partial<ObjectMeta> | undefined, field: string): FieldFault[] => [
  ...validateLabels(meta?.labels, `${field}.labels`),
  ...validateAnnotations(meta?.annotations, `${field}.annotations`),
]

export const validateLabelSelector = (selector: LabelSelector | undefined, field: string): FieldFault[] => [
  ...validateLabels(selector?.matchLabels, `${field}.matchLabels`),
  ...(selector?.matchExpressions ?? []).flatMap(({ key, operator, values }, i) => {
    const at = `${field}.matchExpressions[${i}]`
    const ofKey = invalidAll(`${at}.key`, key, qualifiedName(key ?? ''))
    const hasValues = (values?.length ?? 0) > 0
    if (operator === 'In' || operator === 'NotIn')
      return hasValues ? ofKey : [required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"), ...ofKey]
    if (operator === 'Exists' || operator === 'DoesNotExist')
      return hasValues ? [forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"), ...ofKey] : ofKey
    return [invalid(`${at}.operator`, operator, 'not a valid selector operator'), ...ofKey]
  }),
]

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0

/** Whether labels satisfy a selector; an empty one selects everything. */
export const selectorMatches = (selector: LabelSelector | undefined, labels: Readonly<Record<string, string>> = {}): boolean =>
  Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
  (selector?.matchExpressions ?? []).every(({ key, operator, values }) => {
    const value = labels[key]
    if (operator === 'In') return value !== undefined && values!.includes(value)
    if (operator === 'NotIn') return value === undefined || !values!.includes(value)
    return (value !== undefined) === (operator === 'Exists')
  })
