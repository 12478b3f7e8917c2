import type { Fault } from '../../common/problem.ts'

export const eventTypes = ['task.created', 'task.completed', 'task.renamed', 'task.deleted'] as const
export type EventType = (typeof eventTypes)[number]

/** A CloudEvent 1.0, as far as this service keeps it. `source` and `id` together name it; whoever sends it twice means the same one. */
export interface Event {
  readonly source: string
  readonly id: string
  readonly type: EventType
  /** The id of the task. */
  readonly subject: string
  /** When it happened (not: when it came), in UTC to the millisecond. */
  readonly time: string
  readonly data: unknown
}

export const longest = { source: 256, id: 128, subject: 64 }

const timestamp = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/
// eslint-disable-next-line no-control-regex -- PostgreSQL's text holds no NUL, and no identifier needs the others.
const control = /[\u0000-\u001f\u007f]/

/** Every fault at once, or the event. Attributes beyond ours are extensions, which the specification allows and we do not keep. */
export const readEvent = (body: unknown): { readonly event: Event } | { readonly faults: readonly Fault[] } => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { faults: [{ field: '', message: 'must be a JSON object' }] }
  const { specversion, source, id, type, subject, time, data = null } = body as Record<string, unknown>
  const faults: Fault[] = []
  const check = (field: string, value: unknown, fault: (value: string) => string | undefined): void => {
    const message = value === undefined ? 'is required' : typeof value !== 'string' ? 'must be a string' : fault(value)
    if (message !== undefined) faults.push({ field, message })
  }
  check('specversion', specversion, (value) => (value === '1.0' ? undefined : 'must be "1.0"'))
  for (const [field, value] of Object.entries({ source, id, subject })) check(field, value, nameFault(longest[field as keyof typeof longest]))
  check('type', type, (value) => (eventTypes.some((known) => known === value) ? undefined : `must be one of ${eventTypes.join(', ')}`))
  check('time', time, (value) => (utc(value) === undefined ? 'must be a time as of RFC 3339, such as 2026-01-31T12:00:00Z' : undefined))
  if (faults.length > 0) return { faults }
  return { event: { source: source as string, id: id as string, type: type as EventType, subject: subject as string, time: utc(time as string)!, data } }
}

const nameFault = (most: number) => (value: string) => {
  if (value.trim() === '') return 'must not be empty'
  if (control.test(value)) return 'must not have control characters'
  return value.length > most ? `must have at most ${most} characters` : undefined
}

/** In UTC, or undefined for what is no time or is outside the years 1 to 9999. */
export const utc = (value: string): string | undefined => {
  const parsed = new Date(timestamp.test(value) ? value : Number.NaN)
  if (Number.isNaN(parsed.getTime())) return undefined
  const text = parsed.toISOString()
  return /^\d{4}-/.test(text) && !text.startsWith('0000') ? text : undefined
}
