import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const fileOf = (home: string) => join(home, 'active-profile')

export const defaultProfile = 'default'

/** The profile that commands act on where none is named. */
export function activeProfile(home: string): string {
  try {
    return readFileSync(fileOf(home), 'utf8').trim() || defaultProfile
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return defaultProfile
    throw error
  }
}

export function setActiveProfile(home: string, name: string): void {
  if (name === defaultProfile) return rmSync(fileOf(home), { force: true })
  mkdirSync(home, { recursive: true, mode: 0o700 })
  writeFileSync(`${fileOf(home)}.new`, `${name}\n`)
  renameSync(`${fileOf(home)}.new`, fileOf(home))
}
