// events.k8s.io: the core group's Events in other words.
import type { Event, EventsEvent } from '../generated/types.ts'
import { events, eventsV1 } from '../kinds.ts'
import type { KubeObject } from '../object.ts'
import type { FieldFault } from '../resource.ts'
import { eventColumns } from './core/event.ts'
import { defineResource } from './define-resource.ts'
import { immutable, invalid, invalidAll, oneOf, required } from './field.ts'
import { qualifiedName } from './names.ts'

/** What both forms call by the same name. */
const shared = ['metadata', 'eventTime', 'series', 'action', 'reason', 'related', 'type', 'reportingInstance'] as const

/** events.k8s.io's name of a field, and the core group's. */
const renamed = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
] as const

const pairs: readonly (readonly [newer: string, core: string])[] = [...shared.map((name) => [name, name] as const), ...renamed]

type Fields = Readonly<Record<string, unknown>>

export const toCoreEvent = (object: EventsEvent): Event => {
  const from = object as unknown as Fields
  const entries = pairs.filter(([newer]) => from[newer] !== undefined).map(([newer, core]) => [core, from[newer]])
  return { kind: 'Event', apiVersion: 'v1', ...(Object.fromEntries([['involvedObject', {}], ...entries]) as unknown as Omit<Event, 'kind' | 'apiVersion'>) }
}

export const fromCoreEvent = (stored: KubeObject): EventsEvent => {
  const from = stored as unknown as Fields
  const entries = pairs.filter(([, core]) => from[core] !== undefined).map(([newer, core]) => [newer, from[core]])
  return { kind: 'Event', apiVersion: 'events.k8s.io/v1', ...(Object.fromEntries(entries) as unknown as Omit<EventsEvent, 'kind' | 'apiVersion'>) }
}

const maxName = 128
const maxNote = 1024

const text = (field: string, value: string | undefined, max: number): FieldFault[] => {
  if (!value) return [required(field)]
  return value.length > max ? [invalid(field, '', `can have at most ${max} characters`)] : []
}

/** The newer group asks for more than the core group does, which takes what old clients send. */
const validateNew = (object: EventsEvent): FieldFault[] => [
  ...(object.eventTime ? [] : [required('eventTime')]),
  ...(object.reportingController
    ? invalidAll('reportingController', object.reportingController, qualifiedName(object.reportingController))
    : [required('reportingController')]),
  ...text('reportingInstance', object.reportingInstance, maxName),
  ...text('action', object.action, maxName),
  ...text('reason', object.reason, maxName),
  ...(object.note && object.note.length > maxNote ? [invalid('note', '', `can have at most ${maxNote} characters`)] : []),
  ...oneOf('type', object.type, ['Normal', 'Warning']),
]

const fixed = ['regarding', 'related', 'action', 'reason', 'reportingController', 'reportingInstance', 'note', 'type', 'eventTime'] as const

const validateChange = (object: EventsEvent, old: EventsEvent): FieldFault[] =>
  fixed.flatMap((field) => immutable(field, object[field], JSON.stringify(object[field]) !== JSON.stringify(old[field])))

export const eventV1 = defineResource<EventsEvent>({
  kind: eventsV1,
  hasSpec: false,
  storedAs: { kind: events, toStored: toCoreEvent, fromStored: fromCoreEvent },
  validate: (object, old) => {
    const home = object.regarding?.namespace || 'default'
    return [
      ...(old ? validateChange(object, old) : validateNew(object)),
      ...(object.metadata.namespace === home ? [] : [invalid('involvedObject.namespace', object.regarding?.namespace ?? '', 'does not match event.namespace')]),
    ]
  },
  columns: eventColumns.map((column) => ({ ...column, cell: (object, ctx) => column.cell(toCoreEvent(object), ctx) })),
})
