import { setMaxListeners } from 'node:events'
import { systemClock } from '../../base/lib/clock.ts'
import { proxySettings } from '../../node/images/registry/proxy-settings.ts'
import { createJsonLog } from '../../base/lib/json-log.ts'
import { profilePaths, readProfile, type ProfilePaths } from '../cluster/profile.ts'
import { hasReplacement } from '../cluster/replacement.ts'
import { listenForRest, restSocketOf } from '../cluster/rest.ts'
import { forgetFailure, writeFailure } from '../cluster/role-failure.ts'
import { aborted, type RoleContext } from '../cluster/role.ts'
import type { Role } from '../cluster/supervisor.ts'
import { UsageError, type CommandLine } from './context.ts'

const starters: Readonly<Record<string, () => Promise<(context: RoleContext) => Promise<void>>>> = {
  server: async () => (await import('../cluster/server-role.ts')).runServer,
  agent: async () => (await import('../cluster/agent-role.ts')).runAgent,
  platform: async () => (await import('../cluster/platform-role.ts')).runPlatform,
}

/** `knarr internal ROLE HOME PROFILE`: what the supervisor starts. Ends on SIGTERM. */
export async function runRole(cli: CommandLine): Promise<number> {
  const [, role = '', home = '', name = ''] = cli.argv
  const start = starters[role]
  const profile = readProfile(home, name)
  if (!start || !profile) throw new UsageError('internal is for knarr itself')
  const log = createJsonLog().child({ role })
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
  process.on('unhandledRejection', (error) => {
    if (!stop.signal.aborted) log.error({ err: error }, 'a promise was rejected and nobody looked')
  })
  const paths = profilePaths(home, name)
  forgetFailure(paths, role)
  const run = await start()
  const context = { home, paths, mainFile: cli.mainFile, clock: systemClock, log, proxy: proxySettings(cli.environment) }
  const live = (signal: AbortSignal) => run({ ...context, profile: readProfile(home, name) ?? profile, signal })
  await (role === 'platform' ? live(stop.signal) : liveAndRest({ paths, role: role as Role, live, signal: stop.signal })).catch((error: Error) => {
    log.error({ err: error }, 'it cannot run')
    writeFailure(paths, role, error.message)
    process.exit(1)
  })
  process.exit(0)
}

interface Lives {
  readonly paths: ProfilePaths
  readonly role: Role
  /** One life: ends with its signal. */
  readonly live: (signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
}

/** One life after another in one process: between two of them a command replaces the state (`rest.ts`). */
async function liveAndRest({ paths, role, live, signal }: Lives): Promise<void> {
  const requests = await listenForRest({ socketPath: restSocketOf(paths, role), signal })
  while (!signal.aborted) {
    const life = new AbortController()
    setMaxListeners(0, life.signal)
    const end = () => life.abort()
    signal.addEventListener('abort', end, { once: true })
    const asked = requests.next()
    void asked.then(end)
    await live(life.signal)
    signal.removeEventListener('abort', end)
    if (!signal.aborted) await Promise.race([asked.then((request) => request.rest(() => !hasReplacement(paths))), aborted(signal)])
  }
}
