import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProfilePaths } from './profile.ts'

const fileOf = (paths: ProfilePaths, role: string) => join(paths.run, `${role}.failed`)

/** Leaves word for `up` of why a role ended by itself. Where even that cannot be written, the log says it. */
export function writeFailure(paths: ProfilePaths, role: string, message: string): void {
  try {
    writeFileSync(fileOf(paths, role), message)
  } catch {
    // The disk may be what is wrong.
  }
}

export const forgetFailure = (paths: ProfilePaths, role: string): void => rmSync(fileOf(paths, role), { force: true })

/** Why a role ended by itself, if it did and has not been started again since. */
export function failureOf(paths: ProfilePaths, role: string): string | undefined {
  try {
    return readFileSync(fileOf(paths, role), 'utf8').split('\n')[0] || undefined
  } catch {
    return undefined
  }
}
