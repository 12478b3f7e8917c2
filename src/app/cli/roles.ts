import { setMaxListeners } from 'node:events'
import { systemClock } from '../../base/lib/clock.ts'
import { proxySettings } from '../../node/images/registry/proxy-settings.ts'
import { createJsonLog } from '../../base/lib/json-log.ts'
import { profilePaths, readProfile } from '../cluster/profile.ts'
import { forgetFailure, writeFailure } from '../cluster/role-failure.ts'
import type { RoleContext } from '../cluster/role.ts'
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
  await run({
    home,
    profile,
    paths,
    mainFile: cli.mainFile,
    clock: systemClock,
    log,
    signal: stop.signal,
    proxy: proxySettings(cli.environment),
  }).catch((error: Error) => {
    log.error({ err: error }, 'it cannot run')
    writeFailure(paths, role, error.message)
    process.exit(1)
  })
  process.exit(0)
}
