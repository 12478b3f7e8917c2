import { UserError } from './errors.ts'
import { firstNodes } from './profile-nodes.ts'
import type { Profile } from './profile.ts'

export const profileFormat = 2

type Migration = (profile: Record<string, unknown>) => Record<string, unknown>

/** From each older format to the next. */
const migrations: Readonly<Record<number, Migration>> = {
  // Nodes were a count; names and addresses followed from it.
  1: (profile) => {
    const { name, nodes, ranges } = profile as unknown as { name: string; nodes: number; ranges: Profile['ranges'] }
    return { ...profile, formatVersion: 2, nodes: firstNodes(name, ranges.nodeCIDR, nodes) }
  },
}

/** Reads what `writeProfile` wrote, now or in an older release. Refuses what a newer release wrote. */
export function parseProfile(name: string, text: string): Profile {
  let profile: Record<string, unknown>
  try {
    profile = JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new UserError(`the profile ${name} is damaged (${(cause as Error).message}). Run: knarr delete --profile ${name}`, { cause })
  }
  for (let version = Number(profile['formatVersion']); version !== profileFormat; version = Number(profile['formatVersion'])) {
    const migrate = migrations[version]
    if (!migrate)
      throw new UserError(
        `the profile ${name} was written by a newer knarr (format ${String(profile['formatVersion'])}; this one knows ${profileFormat}). Use that knarr`,
      )
    profile = migrate(profile)
  }
  return profile as unknown as Profile
}
