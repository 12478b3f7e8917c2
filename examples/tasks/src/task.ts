import { randomUUID } from 'node:crypto'
import type { Fault } from '../../common/problem.ts'

export interface Task {
  readonly id: number
  readonly title: string
  readonly description: string
  readonly completed: boolean
  /** Grows with each change; its `ETag`. */
  readonly version: number
}

export type Draft = Pick<Task, 'title' | 'description'>
export type Change = { readonly title?: string; readonly completed?: true }

export type EventType = 'task.created' | 'task.renamed' | 'task.completed' | 'task.deleted'

/** What happened to a task, told to others as a CloudEvent; `id` names it, however often it is told. */
export interface TaskEvent {
  readonly id: string
  readonly type: EventType
  readonly subject: string
  readonly time: string
  readonly data: unknown
}

export const taskEvent = (type: EventType, task: Task, now = new Date()): TaskEvent => ({
  id: randomUUID(),
  type,
  subject: String(task.id),
  time: now.toISOString(),
  data: { title: task.title, completed: task.completed, version: task.version },
})

/** The task afterwards, and what there is to tell: nothing, and the same version, where nothing changes. */
export const changed = (task: Task, change: Change): { readonly task: Task; readonly types: readonly EventType[] } => {
  const isRenamed = change.title !== undefined && change.title !== task.title
  const isCompleted = change.completed === true && !task.completed
  const types: EventType[] = [...(isRenamed ? (['task.renamed'] as const) : []), ...(isCompleted ? (['task.completed'] as const) : [])]
  if (types.length === 0) return { task, types }
  return { task: { ...task, ...change, version: task.version + 1 }, types }
}

export const limits = { title: 80, description: 200, page: 1000 }

/** Every fault at once, or the task to add. */
export const readDraft = (body: unknown): { readonly draft: Draft } | { readonly faults: readonly Fault[] } => {
  if (!isObject(body)) return { faults: notAnObject }
  const { title, description = '' } = body
  const faults = [...titleFaults(title), ...textFaults('description', description, limits.description)]
  return faults.length > 0 ? { faults } : { draft: { title: title as string, description: description as string } }
}

/** What PATCH may change. A task is completed once: nothing takes that back. */
export const readChange = (body: unknown): { readonly change: Change } | { readonly faults: readonly Fault[] } => {
  if (!isObject(body)) return { faults: notAnObject }
  const { title, completed } = body
  const faults = Object.keys(body)
    .filter((field) => field !== 'title' && field !== 'completed')
    .map((field) => ({ field, message: 'cannot be changed' }))
  if (title !== undefined) faults.push(...titleFaults(title))
  if (completed !== undefined && completed !== true) faults.push({ field: 'completed', message: 'must be true' })
  if (Object.keys(body).length === 0) faults.push({ field: '', message: 'must have a title, or completed' })
  if (faults.length > 0) return { faults }
  return { change: { ...(title === undefined ? {} : { title: title as string }), ...(completed === undefined ? {} : { completed: true }) } }
}

const notAnObject = [{ field: '', message: 'must be a JSON object' }]
const isObject = (body: unknown): body is Record<string, unknown> => typeof body === 'object' && body !== null && !Array.isArray(body)

const titleFaults = (title: unknown): Fault[] =>
  typeof title === 'string' && title.trim() === '' ? [{ field: 'title', message: 'must not be empty' }] : textFaults('title', title, limits.title)

const textFaults = (field: string, value: unknown, longest: number): Fault[] => {
  if (value === undefined) return [{ field, message: 'is required' }]
  if (typeof value !== 'string') return [{ field, message: 'must be a string' }]
  if (value.includes('\0')) return [{ field, message: 'must not have a NUL character' }]
  return value.length > longest ? [{ field, message: `must have at most ${longest} characters` }] : []
}
