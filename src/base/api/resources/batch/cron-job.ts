import { ageText } from '../../duration.ts'
import type { CronJob } from '../../generated/types.ts'
import { cronJobs } from '../../kinds.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { invalid, nonNegative, oneOf, required } from '../field.ts'
import { defaultPodTemplate } from '../pod-defaults.ts'
import { none, selectorText, templateColumns } from '../text.ts'
import { validateJobSpec } from './job.ts'

const field = String.raw`(\*|\?|[0-9a-zA-Z]+(-[0-9a-zA-Z]+)?)(/\d+)?`
const list = `${field}(,${field})*`
const schedule = new RegExp(`^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \\S+|${list}(\\s+${list}){4})$`)

const validateSchedule = (text: string | undefined): FieldFault[] => {
  if (!text) return [required('spec.schedule')]
  if (text.includes('TZ')) return [invalid('spec.schedule', text, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')]
  const parts = text.trim().split(/\s+/)
  if (!text.startsWith('@') && parts.length !== 5)
    return [invalid('spec.schedule', text, `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`)]
  return schedule.test(text.trim()) ? [] : [invalid('spec.schedule', text, `failed to parse schedule: ${text}`)]
}

const validateZone = (zone: string | undefined): FieldFault[] => {
  if (zone === undefined) return []
  if (zone === '') return [invalid('spec.timeZone', zone, 'timeZone must be nil or non-empty string')]
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return []
  } catch {
    return [invalid('spec.timeZone', zone, `unknown time zone ${zone}`)]
  }
}

export const cronJob = defineResource<CronJob>({
  kind: cronJobs,
  subresources: ['status'],
  hasGeneration: true,
  defaults({ spec }) {
    if (!spec) return
    spec.concurrencyPolicy ||= 'Allow'
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
    defaultPodTemplate(spec.jobTemplate?.spec?.template)
  },
  validate: ({ metadata, spec }) => [
    // Its Jobs append eleven characters for the time.
    ...(metadata.name && metadata.name.length > 52 ? [invalid('metadata.name', metadata.name, 'must be no more than 52 characters')] : []),
    ...validateSchedule(spec.schedule),
    ...validateZone(spec.timeZone),
    ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
    ...oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...(spec.jobTemplate?.spec
      ? validateJobSpec(spec.jobTemplate.spec, 'spec.jobTemplate.spec')
      : [required('spec.jobTemplate.spec.template.spec.containers')]),
  ],
  columns: [
    nameColumn,
    column('Schedule', ({ spec }) => spec.schedule, { description: 'When it runs, as cron has it.' }),
    column('Timezone', ({ spec }) => spec.timeZone || none, { description: 'The time zone of the schedule.' }),
    column('Suspend', ({ spec }) => (spec.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False'), {
      type: 'boolean',
      description: 'Whether it is stopped for now.',
    }),
    column('Active', ({ status }) => status?.active?.length ?? 0, { type: 'integer', description: 'How many Jobs are running.' }),
    column('Last Schedule', ({ status }, { now }) => (status?.lastScheduleTime ? ageText(status.lastScheduleTime, now) : none), {
      description: 'When it started a Job last.',
    }),
    ageColumn,
    ...templateColumns<CronJob>(({ spec }) => spec.jobTemplate?.spec?.template),
    wide('Selector', ({ spec }) => selectorText(spec.jobTemplate?.spec?.selector), { description: 'What selects the Pods of its Jobs.' }),
  ],
})
