import { accessSync, constants, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { withFileLock } from '../../base/lib/file-lock.ts'
import { UserError } from './errors.ts'

/** Runs `act` while no other process does the same under `file`: two commands at once take turns. A dead owner's lock is void. */
export async function withLock<T>(file: string, act: () => Promise<T>): Promise<T> {
  requireWritable(dirname(file))
  return withFileLock(
    file,
    {
      patienceMs: 60_000,
      busy: () => new UserError(`another knarr command is busy with this cluster (its pid is in ${file}); try again when it has ended`),
    },
    act,
  )
}

function requireWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UserError(`the folder ${folder} cannot be written (${code}); name one that can: KNARR_HOME=FOLDER knarr …`, { cause: error })
  }
}
