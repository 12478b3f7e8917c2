// LimitRanges, ResourceQuotas and PodTemplates.
import type { LimitRange, PodTemplate, ResourceQuota } from '../../generated/types.ts'
import { limitRanges, podTemplates, resourceQuotas } from '../../kinds.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { defaultPodTemplate } from '../pod-defaults.ts'
import { validatePodTemplate } from '../pod-validation.ts'
import { labelsText } from '../text.ts'

/** `Created At`, as an instant and not as an age. */
export const createdColumn = column('Created At', (object: { metadata: { creationTimestamp: string } }) => object.metadata.creationTimestamp, {
  type: 'date',
  description: 'When the object was created.',
})

export const limitRange = defineResource<LimitRange>({
  kind: limitRanges,
  defaults({ spec }) {
    for (const limit of spec?.limits ?? []) {
      if (limit.type !== 'Container') continue
      // A default limit is at most the maximum, a default request at most the default limit and at least the minimum.
      limit.default = { ...limit.max, ...limit.default }
      limit.defaultRequest = { ...limit.min, ...limit.default, ...limit.defaultRequest }
    }
  },
  columns: [nameColumn, createdColumn],
})

const quotaText = ({ status }: ResourceQuota, limits: boolean): string =>
  Object.entries(status?.hard ?? {})
    .filter(([name]) => name.startsWith('limits') === limits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? '0'}/${hard}`)
    .join(', ')

export const resourceQuota = defineResource<ResourceQuota>({
  kind: resourceQuotas,
  subresources: ['status'],
  columns: [
    nameColumn,
    column('Request', (object) => quotaText(object, false), { description: 'What requests have used of their quota.' }),
    column('Limit', (object) => quotaText(object, true), { description: 'What limits have used of their quota.' }),
    ageColumn,
  ],
})

export const podTemplate = defineResource<PodTemplate>({
  kind: podTemplates,
  hasSpec: false,
  hasGeneration: true,
  defaults: ({ template }) => defaultPodTemplate(template),
  validate: ({ template }) => validatePodTemplate(template, 'template'),
  columns: [
    nameColumn,
    column('Containers', ({ template }) => (template.spec?.containers ?? []).map((container) => container.name).join(','), {
      description: 'Names of each container in the template.',
    }),
    column('Images', ({ template }) => (template.spec?.containers ?? []).map((container) => container.image ?? '').join(','), {
      description: 'Images referenced by each container in the template.',
    }),
    column('Pod Labels', ({ template }) => labelsText(template.metadata?.labels), { description: 'The labels of its Pods.' }),
  ],
})
