import type { Outcome, Repository } from './repository.ts'
import { changed, type Task, type TaskEvent, taskEvent } from './task.ts'

/** Keeps tasks in this process only: every replica has its own, and a restart empties it. Shared state is the database's work. */
export const createMemoryRepository = (): Repository => {
  const tasks = new Map<number, Task>()
  const outbox: TaskEvent[] = []
  let lastId = 0
  let isRelaying = false

  const found = (id: number, version: number | undefined): Outcome => {
    const task = tasks.get(id)
    if (!task) return { refused: 'missing' }
    return version === undefined || version === task.version ? { task } : { refused: 'stale' }
  }
  return {
    list: async ({ after, limit }) => [...tasks.values()].filter(({ id }) => id > after).slice(0, limit),
    find: async (id) => tasks.get(id),
    async add(draft) {
      const task = { id: ++lastId, ...draft, completed: false, version: 1 }
      tasks.set(task.id, task)
      outbox.push(taskEvent('task.created', task))
      return task
    },
    async change(id, change, version) {
      const before = found(id, version)
      if ('refused' in before) return before
      const { task, types } = changed(before.task, change)
      tasks.set(id, task)
      outbox.push(...types.map((type) => taskEvent(type, task)))
      return { task }
    },
    async remove(id, version) {
      const before = found(id, version)
      if ('refused' in before) return before
      tasks.delete(id)
      outbox.push(taskEvent('task.deleted', before.task))
      return before
    },
    async relay(limit, deliver) {
      if (isRelaying) return 0
      isRelaying = true
      try {
        let count = 0
        for (; count < limit && outbox[0]; count++) {
          await deliver(outbox[0])
          outbox.shift()
        }
        return count
      } finally {
        isRelaying = false
      }
    },
    check: async () => undefined,
    close: async () => undefined,
  }
}
