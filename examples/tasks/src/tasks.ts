import type { Fault } from '../../common/problem.ts'

export interface Task {
  readonly id: number
  readonly title: string
  readonly description: string
}

export interface TaskStore {
  list(): readonly Task[]
  add(task: Omit<Task, 'id'>): Task
}

/** Keeps tasks in this process only: every replica has its own list, and a restart empties it. Shared state is the database's work. */
export const createMemoryStore = (): TaskStore => {
  const tasks: Task[] = []
  return {
    list: () => tasks,
    add(draft) {
      const task = { id: tasks.length + 1, ...draft }
      tasks.push(task)
      return task
    },
  }
}

export const limits = { title: 80, description: 200 }

/** Every fault at once, or the task to add. */
export const readTask = (body: unknown): { readonly task: Omit<Task, 'id'> } | { readonly faults: readonly Fault[] } => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { faults: [{ field: '', message: 'must be a JSON object' }] }
  const { title, description = '' } = body as Record<string, unknown>
  const faults = [...textFaults('title', title, limits.title), ...textFaults('description', description, limits.description)]
  if (typeof title === 'string' && title.trim() === '') faults.push({ field: 'title', message: 'must not be empty' })
  return faults.length > 0 ? { faults } : { task: { title: title as string, description: description as string } }
}

const textFaults = (field: string, value: unknown, longest: number): Fault[] => {
  if (value === undefined) return [{ field, message: 'is required' }]
  if (typeof value !== 'string') return [{ field, message: 'must be a string' }]
  return value.length > longest ? [{ field, message: `must have at most ${longest} characters` }] : []
}
