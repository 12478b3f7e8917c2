import { UserError } from '../cluster/errors.ts'
import { parseProfile } from '../cluster/profile-format.ts'
import type { Profile } from '../cluster/profile.ts'

/** What a saved state says of itself, beside its `objects` (a dump of the store) and its `volumes` (a folder each). */
export interface Manifest {
  readonly kind: 'KnarrState'
  readonly formatVersion: number
  /** The version of Knarr that wrote it. */
  readonly writtenBy: string
  readonly createdAt: string
  readonly profile: Profile
  readonly objects: { readonly count: number; readonly sha256: string }
  readonly volumes: number
  /** Whether every container stood still while it was taken. */
  readonly isFrozen: boolean
}

export const stateFormat = 1

/** `what` is named in the refusals: `/tmp/a.backup`. */
export function parseManifest(what: string, text: string): Manifest {
  let found: Partial<Manifest>
  try {
    found = JSON.parse(text) as Partial<Manifest>
  } catch (cause) {
    throw new UserError(`${what} is damaged: its manifest cannot be read`, { cause })
  }
  if (found?.kind !== 'KnarrState' || typeof found.formatVersion !== 'number') throw new UserError(`${what} is no backup of knarr`)
  if (found.formatVersion > stateFormat)
    throw new UserError(
      `${what} was written by a newer knarr (${String(found.writtenBy)}, format ${found.formatVersion}; this one reads ${stateFormat}). Use that knarr`,
    )
  const manifest = found as Manifest
  return { ...manifest, profile: parseProfile(manifest.profile.name, JSON.stringify(manifest.profile)) }
}
