import { isDeepStrictEqual } from 'node:util'
import { humanDuration } from '../../duration.ts'
import type { Job, JobSpec } from '../../generated/types.ts'
import { jobs } from '../../kinds.ts'
import type { Mutable } from '../../object.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { immutable, invalid, nonNegative, notSupported, required } from '../field.ts'
import { selectorMatches, validateLabelSelector } from '../metadata.ts'
import { defaultPodTemplate } from '../pod-defaults.ts'
import { validatePodTemplate } from '../pod-validation.ts'
import { selectorText, templateColumns } from '../text.ts'

const defaultJob = (object: Mutable<Job>): void => {
  const { spec } = object
  if (!spec) return
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 0x7fffffff
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  const labels = spec.template?.metadata?.labels
  if (labels && Object.keys(object.metadata.labels ?? {}).length === 0) object.metadata.labels = { ...labels }
  defaultPodTemplate(spec.template)
}

/** A Job selects its own Pods by its uid, unless told to leave that to its author. */
const addOwnSelector = (object: Mutable<Job>): void => {
  const { spec, metadata } = object
  if (!spec?.template || spec.manualSelector || !metadata.uid) return
  const named = metadata.name ? { 'batch.kubernetes.io/job-name': metadata.name, 'job-name': metadata.name } : {}
  const own = { 'batch.kubernetes.io/controller-uid': metadata.uid, 'controller-uid': metadata.uid, ...named }
  const template = spec.template as Mutable<Omit<JobSpec['template'], 'metadata'>> & { metadata?: { labels?: Record<string, string> } }
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, ...own } }
  spec.selector = { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, 'batch.kubernetes.io/controller-uid': metadata.uid } }
  // Upstream defaults what it stored once more when it reads it: a Job without labels has those of its template from its first answer on.
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...template.metadata.labels }
}

/** The rules of a Job's spec, also as part of a CronJob. */
export const validateJobSpec = (spec: JobSpec, field: string): FieldFault[] => {
  const policy = spec.template?.spec?.restartPolicy
  return [
    ...(
      ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'] as const
    ).flatMap((name) => nonNegative(`${field}.${name}`, spec[name])),
    ...(spec.completionMode && !['NonIndexed', 'Indexed'].includes(spec.completionMode)
      ? [notSupported(`${field}.completionMode`, spec.completionMode, ['Indexed', 'NonIndexed'])]
      : []),
    ...(spec.completionMode === 'Indexed' && spec.completions === undefined ? [required(`${field}.completions`, 'when completion mode is Indexed')] : []),
    ...validatePodTemplate(spec.template, `${field}.template`),
    ...(policy === 'Always' ? [required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')] : []),
  ]
}

const validateJob = ({ spec }: Job, old?: Job): FieldFault[] => {
  const labels = spec.template?.metadata?.labels ?? {}
  return [
    ...(spec.selector ? validateLabelSelector(spec.selector, 'spec.selector') : [required('spec.selector')]),
    ...(spec.selector && !selectorMatches(spec.selector, labels)
      ? [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]
      : []),
    ...validateJobSpec(spec, 'spec'),
    ...(old ? validateChange(spec, old) : []),
  ]
}

const validateChange = (spec: JobSpec, { spec: before, status }: Job): FieldFault[] => {
  // A suspended Job that has not started may be placed anew.
  const mayPlace = before.suspend === true && !status?.startTime
  const fixed = (template: JobSpec['template']) =>
    mayPlace ? { ...template.spec, nodeSelector: 0, affinity: 0, tolerations: 0, schedulingGates: 0, containers: 0 } : template
  const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism
  return [
    ...immutable('spec.completions', spec.completions, spec.completions !== before.completions && !elastic),
    ...immutable('spec.selector', spec.selector, !isDeepStrictEqual(spec.selector, before.selector)),
    ...immutable('spec.template', spec.template, !isDeepStrictEqual(fixed(spec.template), fixed(before.template))),
    ...immutable('spec.completionMode', spec.completionMode, spec.completionMode !== before.completionMode),
  ]
}

const statusOrder = ['Complete', 'Failed', 'Suspended', 'FailureTarget', 'SuccessCriteriaMet']

const statusText = ({ metadata, status }: Job): string => {
  const held = statusOrder.find((type) => status?.conditions?.some((condition) => condition.type === type && condition.status === 'True'))
  if (held === 'Complete' || held === 'Failed') return held
  return metadata.deletionTimestamp ? 'Terminating' : (held ?? 'Running')
}

const completionsText = ({ spec, status }: Job): string => {
  const succeeded = status?.succeeded ?? 0
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`
  return (spec.parallelism ?? 0) > 1 ? `${succeeded}/1 of ${spec.parallelism}` : `${succeeded}/1`
}

const durationText = ({ status }: Job, now: number): string => {
  if (!status?.startTime) return ''
  return humanDuration((status.completionTime ? Date.parse(status.completionTime) : now) - Date.parse(status.startTime))
}

export const job = defineResource<Job>({
  kind: jobs,
  subresources: ['status'],
  hasGeneration: true,
  defaults: defaultJob,
  prepareCreate: addOwnSelector,
  validate: validateJob,
  columns: [
    nameColumn,
    column('Status', statusText, { description: 'Whether it runs or how it ended.' }),
    column('Completions', completionsText, { description: 'How many Pods succeeded, of how many wanted.' }),
    column('Duration', (object, { now }) => durationText(object, now), { description: 'How long it took, or takes so far.' }),
    ageColumn,
    ...templateColumns<Job>(({ spec }) => spec.template),
    wide('Selector', ({ spec }) => selectorText(spec.selector), { description: 'What selects its Pods.' }),
  ],
})
