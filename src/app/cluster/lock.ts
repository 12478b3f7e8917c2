import { withFileLock } from '../../base/lib/file-lock.ts'
import { UserError } from './errors.ts'

/** Runs `act` while no other process does the same under `file`: two commands at once take turns. A dead owner's lock is void. */
export const withLock = <T>(file: string, act: () => Promise<T>): Promise<T> =>
  withFileLock(
    file,
    {
      patienceMs: 60_000,
      busy: () => new UserError(`another knarr command is busy with this cluster (its pid is in ${file}); try again when it has ended`),
    },
    act,
  )
