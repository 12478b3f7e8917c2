import type { Writable } from 'node:stream'
import { UserError } from '../cluster/errors.ts'
import { contextName } from '../cluster/names.ts'
import { knarrHome, readProfile, type Profile } from '../cluster/profile.ts'
import { isUp } from '../cluster/supervisor.ts'

/** What a command may touch of the world outside. */
export interface CommandLine {
  readonly argv: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** The bundled command itself, to start roles with. */
  readonly mainFile: string
  /** Holds `release/VERSION/bin/OS/ARCH/kubectl`, where none is installed. */
  readonly kubectlBaseUrl: string
  readonly stdout: Writable & { isTTY?: boolean }
  readonly stderr: Writable & { isTTY?: boolean }
}

/** Wrong use: one line, exit 2. */
export class UsageError extends UserError {}

export const homeOf = (cli: CommandLine): string => knarrHome(cli.environment)
export const print = (cli: CommandLine, line: string): boolean => cli.stdout.write(`${line}\n`)

/** The profile of that name, or one line that says that there is none. */
export function knownProfile(home: string, name: string): Profile {
  const profile = readProfile(home, name)
  if (!profile) throw new UserError(`there is no cluster knarr-${name}. Run: knarr up --profile ${name}`)
  return profile
}

/** The same, where the command needs the cluster up. */
export function runningProfile(home: string, name: string): Profile {
  const profile = knownProfile(home, name)
  if (!isUp(home, profile)) throw new UserError(`cluster ${contextName(profile)} is down. Run: knarr up --profile ${profile.name}`)
  return profile
}

const profileName = /^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/

export function checkProfileName(name: string): string {
  if (!profileName.test(name)) throw new UsageError(`a profile's name has at most 20 lower-case letters, digits and hyphens (got "${name}")`)
  return name
}

export function positiveInteger(flag: string, atMost: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < 1 || value > atMost) throw new UsageError(`${flag} takes a whole number from 1 to ${atMost} (got "${text}")`)
    return value
  }
}

/** Columns as kubectl prints them: three spaces apart. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3))
      .join('')
      .trimEnd(),
  )
}
