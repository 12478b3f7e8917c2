import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { ProxySettings } from '../../node/images/registry/proxy-settings.ts'
import type { Profile, ProfilePaths } from './profile.ts'

/** What each of the few processes of a cluster is started with. */
export interface RoleContext {
  readonly home: string
  readonly profile: Profile
  readonly paths: ProfilePaths
  /** The bundled command, to start the next process with. */
  readonly mainFile: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** How this user reaches the world outside, from the environment of `up`. */
  readonly proxy: ProxySettings
}

/** Resolves when the signal aborts. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
