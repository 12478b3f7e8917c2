import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { UserError } from './errors.ts'

const patienceMs = 60_000

/** Runs `act` while no other process does the same under `file`: two commands at once take turns. A dead owner's lock is void. */
export async function withLock<T>(file: string, act: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const deadline = performance.now() + patienceMs
  while (!take(file)) {
    if (performance.now() > deadline)
      throw new UserError(`another knarr command is busy with this cluster (its pid is in ${file}); try again when it has ended`)
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
