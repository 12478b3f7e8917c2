import { activeProfile, defaultProfile, setActiveProfile } from '../cluster/active-profile.ts'
import { useContext } from '../cluster/kubeconfig.ts'
import { isUp } from '../cluster/supervisor.ts'
import { contextName } from '../cluster/names.ts'
import { listProfiles, readProfile } from '../cluster/profile.ts'
import { runningNodes } from '../cluster/profile-nodes.ts'
import { homeOf, knownProfile, print, table, type CommandLine } from './context.ts'

export function list(cli: CommandLine): void {
  const home = homeOf(cli)
  const active = activeProfile(home)
  const profiles = listProfiles(home).flatMap((name) => readProfile(home, name) ?? [])
  if (profiles.length === 0) {
    print(cli, 'there is no cluster; start one with: knarr up')
    return
  }
  const rows = profiles.map((profile) => [
    profile.name === active ? '*' : '',
    profile.name,
    isUp(home, profile) ? 'up' : 'down',
    profile.runtime,
    `${runningNodes(profile).length}/${profile.nodes.length}`,
    `https://127.0.0.1:${profile.apiPort}`,
    contextName(profile),
  ])
  for (const line of table([['ACTIVE', 'PROFILE', 'STATE', 'RUNTIME', 'NODES', 'API', 'CONTEXT'], ...rows])) print(cli, line)
}

/** Without a name it says which one is active, as minikube does. */
export function use(cli: CommandLine, name: string | undefined): void {
  const home = homeOf(cli)
  if (name === undefined) {
    print(cli, activeProfile(home))
    return
  }
  if (name === defaultProfile && !readProfile(home, name)) {
    setActiveProfile(home, name)
    print(cli, `profile ${name} is active; there is no such cluster yet (knarr up makes it)`)
    return
  }
  const profile = knownProfile(home, name)
  setActiveProfile(home, name)
  const switched = useContext(profile.kubeconfig, contextName(profile))
  const context = switched ? `kubectl's context is ${contextName(profile)}` : `${profile.kubeconfig} has no context ${contextName(profile)}: knarr up adds it`
  print(cli, `profile ${name} is active; ${context}`)
}
