import type { KubeObject, Mutable } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'

export interface WriteIntent {
  readonly resource: Resource
  /** About to be written; the hook may fill it in. Absent for a deletion. */
  readonly object?: Mutable<KubeObject>
  readonly old?: KubeObject
  readonly dryRun: boolean
}

/** Work that belongs to one write: `before` reserves, then either `done` or `undo` follows. */
export interface WriteHook {
  matches(resource: Resource): boolean
  before(intent: WriteIntent): Promise<Reservation>
}

export interface Reservation {
  /** The write is stored. */
  done?(): Promise<void>
  /** The write failed: give back what was reserved. */
  undo?(): Promise<void>
}

/** Runs `write` between the hooks; `write` gives undefined when it lost a race. */
export async function withHooks<R>(hooks: readonly WriteHook[], intent: WriteIntent, write: () => Promise<R | undefined>): Promise<R | undefined> {
  const held: Reservation[] = []
  const undoAll = async () => {
    for (const reservation of held.reverse()) await reservation.undo?.()
  }
  try {
    for (const hook of hooks) if (hook.matches(intent.resource)) held.push(await hook.before(intent))
    const result = await write()
    if (result === undefined || intent.dryRun) await undoAll()
    else for (const reservation of held) await reservation.done?.()
    return result
  } catch (error) {
    await undoAll()
    throw error
  }
}
