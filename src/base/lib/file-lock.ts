import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export interface FileLockOptions {
  readonly patienceMs: number
  /** What is thrown when the patience is over. */
  readonly busy: () => Error
}

/** Runs `act` while nobody else, of this process or another, does the same under `file`. A dead owner's lock is void. */
export async function withFileLock<T>(file: string, options: FileLockOptions, act: () => T | Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const deadline = performance.now() + options.patienceMs
  while (!take(file)) {
    if (performance.now() > deadline) throw options.busy()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  try {
    return await act()
  } finally {
    rmSync(file, { force: true })
  }
}

function take(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  if (isHeld(file)) return false
  rmSync(file, { force: true })
  return false
}

function isHeld(file: string): boolean {
  try {
    const owner = Number(readFileSync(file, 'utf8'))
    // Between creation and writing the file is empty for a moment: it counts as held.
    if (owner > 0) process.kill(owner, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
