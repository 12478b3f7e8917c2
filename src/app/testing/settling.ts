import type { Client } from '../../base/client/client.ts'

/** What of a cluster is under way without waiting for time to pass: requests to its API. */
export class Activity {
  #underWay = 0
  #mark = 0
  #lastTold = ''

  async during<T>(what: string, work: Promise<T>): Promise<T> {
    this.#underWay++
    this.tell(what)
    try {
      return await work
    } finally {
      this.#underWay--
      this.#mark++
    }
  }

  /** Something happened whose end is not known here. */
  tell(what: string): void {
    this.#mark++
    this.#lastTold = what
  }

  get isIdle(): boolean {
    return this.#underWay === 0
  }

  /** Changes whenever something begins or ends. */
  get mark(): number {
    return this.#mark
  }

  /** For a report of what did not come to rest. */
  get lastTold(): string {
    return this.#lastTold
  }
}

/** The same client, with its requests counted. Watches are not: they wait for others. */
export const counted = (client: Client, activity: Activity): Client => ({
  get: (kind, ref, options) => activity.during(`GET ${kind.plural}/${ref.name}`, client.get(kind, ref, options)),
  list: (kind, options) => activity.during(`GET ${kind.plural}`, client.list(kind, options)),
  watch: (kind, options) => client.watch(kind, options),
  create: (kind, object) => activity.during(`POST ${kind.plural}`, client.create(kind, object)),
  update: (kind, object, options) => activity.during(`PUT ${kind.plural}`, client.update(kind, object, options)),
  patch: (kind, ref, patch, options) => activity.during(`PATCH ${kind.plural}/${ref.name}`, client.patch(kind, ref, patch, options)),
  delete: (kind, ref, options) => activity.during(`DELETE ${kind.plural}/${ref.name}`, client.delete(kind, ref, options)),
  deleteCollection: (kind, options) => activity.during(`DELETE ${kind.plural}`, client.deleteCollection(kind, options)),
  createSubresource: (kind, ref, subresource, body) =>
    activity.during(`POST ${kind.plural}/${ref.name}/${subresource}`, client.createSubresource(kind, ref, subresource, body)),
})

export interface SettlingOptions {
  readonly activity: Activity
  /** Of the store: a change shows that something was written. */
  readonly revision: () => number
}

/** A chain of promises runs to its end within one turn of the event loop; the scheduler's rounds and finished files take a turn each. */
const quietTurns = 4
/** What is not at rest by then never will be. */
const patienceMs = 30_000
/** A file operation of somebody else's that never ends (a pipe without a writer) must not hold time up. */
const filePatienceMs = 1_000

/**
 * A function that resolves when the cluster is at rest: no request and no file operation under way, and nothing written for some turns
 * of the event loop. It looks at what happens, never at how long it takes, so a slow machine only waits longer.
 */
export const createSettling = ({ activity, revision }: SettlingOptions) =>
  async function settle(): Promise<void> {
    const began = performance.now()
    let [quiet, mark, changedAt] = [0, -1, began]
    while (quiet < quietTurns) {
      await turn()
      const nowMs = performance.now()
      const next = activity.mark + revision()
      if (next !== mark) [mark, changedAt, quiet] = [next, nowMs, 0]
      else if (!activity.isIdle || (hasFileWork() && nowMs - changedAt < filePatienceMs)) quiet = 0
      else quiet++
      if (nowMs - began > patienceMs)
        throw new Error(`the cluster does not come to rest: something writes again and again without waiting (last request: ${activity.lastTold})`)
    }
  }

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Volumes and managed files of Pods are written by the thread pool, which no promise chain shows. */
const hasFileWork = (): boolean => process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq') || resource === 'CloseReq')
