import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { UserError } from './errors.ts'
import { contextName } from './names.ts'
import type { Profile } from './profile.ts'

/** Network namespace and cgroup are named after the profile: a cluster of the same name that another data folder runs is not ours to touch. */
export function requireNoNamesake(home: string, profile: Pick<Profile, 'name' | 'runtime'>): void {
  if (profile.runtime !== 'process') return
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const [, , internal, role, otherHome, name] = commandLineOf(pid)
    if (internal === 'internal' && role === 'agent' && name === profile.name && otherHome !== home && isOfThisMachine(pid))
      throw new UserError(`a cluster ${contextName(profile)} runs already, from ${otherHome}. Use it, or another name: knarr up --profile NAME`)
  }
}

/** A container's processes show in its host's /proc, but its names are its own. */
function isOfThisMachine(pid: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid')
  } catch {
    return false
  }
}

function commandLineOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
