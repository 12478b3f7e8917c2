import { ageText } from '../../duration.ts'
import type { Event } from '../../generated/types.ts'
import { events } from '../../kinds.ts'
import type { ColumnOf } from '../../resource.ts'
import { column, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { invalid, required } from '../field.ts'

const firstSeen = (event: Event, now: number): string => ageText(event.firstTimestamp || event.eventTime, now)
const lastSeen = (event: Event, now: number): string =>
  event.series?.lastObservedTime ? ageText(event.series.lastObservedTime, now) : event.lastTimestamp ? ageText(event.lastTimestamp, now) : firstSeen(event, now)

const targetText = ({ involvedObject: { kind = '', name } }: Event): string => (name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase())
const sourceText = ({ source, reportingComponent, reportingInstance }: Event): string =>
  [source?.component || reportingComponent, source?.host || reportingInstance].filter(Boolean).join(', ')

export const eventColumns: readonly ColumnOf<Event>[] = [
  column('Last Seen', (object, { now }) => lastSeen(object, now), { description: 'When it was seen last.' }),
  column('Type', (object) => object.type ?? '', { description: 'Normal or Warning.' }),
  column('Reason', (object) => object.reason ?? '', { description: 'Why it happened, in one word.' }),
  column('Object', targetText, { description: 'The object that it is about.' }),
  wide('Subobject', (object) => object.involvedObject.fieldPath ?? '', { description: 'The part of the object that it is about.' }),
  wide('Source', sourceText, { description: 'Who reports it.' }),
  column('Message', (object) => (object.message ?? '').trim(), { description: 'What happened.' }),
  wide('First Seen', (object, { now }) => firstSeen(object, now), { description: 'When it was seen first.' }),
  wide('Count', (object) => String(object.series?.count ?? (object.count || 1)), { description: 'How often it was seen.' }),
  wide('Name', (object) => object.metadata.name, { format: 'name', description: 'Name must be unique within a namespace.' }),
]

export const event = defineResource<Event>({
  kind: events,
  hasSpec: false,
  defaults(object) {
    object.source ??= {}
  },
  validate: (object) => {
    const target = object.involvedObject
    if (!target) return [required('involvedObject')]
    const home = target.namespace || 'default'
    return object.metadata.namespace === home ? [] : [invalid('involvedObject.namespace', target.namespace ?? '', 'does not match event.namespace')]
  },
  columns: eventColumns,
})
