import { existsSync } from 'node:fs'
import { removeCluster, removeHome, takeDown } from '../cluster/lifecycle.ts'
import { contextName } from '../cluster/names.ts'
import { listProfiles, readProfile } from '../cluster/profile.ts'
import { homeOf, knownProfile, print, type CommandLine } from './context.ts'

export async function down(cli: CommandLine, options: { profile: string }): Promise<void> {
  const home = homeOf(cli)
  const profile = knownProfile(home, options.profile)
  const wasUp = await takeDown(home, profile)
  print(
    cli,
    wasUp
      ? `cluster ${contextName(profile)} is down; its data is kept (knarr up brings it back, knarr delete removes it)`
      : `cluster ${contextName(profile)} was down already`,
  )
}

export async function remove(cli: CommandLine, options: { profile: string; all?: boolean }): Promise<void> {
  const home = homeOf(cli)
  const names = options.all ? listProfiles(home) : [options.profile]
  for (const name of names) {
    const profile = readProfile(home, name)
    if (!profile) {
      print(cli, `there is no cluster knarr-${name}`)
      continue
    }
    await removeCluster(home, profile)
    print(cli, `cluster ${contextName(profile)} is deleted`)
  }
  if (options.all) {
    removeHome(home)
    print(cli, existsSync(home) ? `nothing of Knarr is left below ${home}` : `nothing is left below ${home}`)
  }
}
