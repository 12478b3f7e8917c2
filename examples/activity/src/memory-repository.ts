import type { Entry, Place, Repository } from './repository.ts'

/** For a first try without a database: what happened lives as long as the process. */
export const createMemoryRepository = (): Repository => {
  const entries = new Map<string, Entry>()
  const sorted = (): readonly Entry[] => [...entries.values()].sort(byNewest)
  return {
    async record(event) {
      const key = JSON.stringify([event.source, event.id])
      const known = entries.get(key)
      if (known) return { entry: known, isNew: false }
      const entry = { ...event, position: entries.size + 1 }
      entries.set(key, entry)
      return { entry, isNew: true }
    },
    list: async ({ subject, before, limit }) =>
      sorted()
        .filter((entry) => (subject === undefined || entry.subject === subject) && (before === undefined || byNewest(before, entry) < 0))
        .slice(0, limit),
    async newest(subjects) {
      const all = sorted()
      return [...new Set(subjects)].flatMap((subject) => all.find((entry) => entry.subject === subject) ?? [])
    },
    check: async () => undefined,
    close: async () => undefined,
  }
}

/** Times are all written alike, so their order is that of their texts. */
const byNewest = (a: Place, b: Place): number => (a.time === b.time ? b.position - a.position : a.time < b.time ? 1 : -1)
