import { readContainers } from '../../node/runtime/process/records.ts'
import { listProfiles, profilePaths } from './profile.ts'

/** Names of containers that have not ended, of all clusters of this user, by the id of their image. */
export function containersByImage(home: string): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>()
  for (const profile of listProfiles(home)) {
    const { records } = readContainers(profilePaths(home, profile).runtime)
    for (const { config, end } of records) if (!end) users.set(config.imageId, [...(users.get(config.imageId) ?? []), config.name])
  }
  return users
}
