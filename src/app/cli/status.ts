import { join } from 'node:path'
import { nodes, pods } from '../../base/api/kinds.ts'
import { systemClock } from '../../base/lib/clock.ts'
import { clientOf } from '../cluster/identities.ts'
import { isNodeReady } from '../cluster/lifecycle.ts'
import { isUp } from '../cluster/supervisor.ts'
import { listProfiles, profilePaths, readProfile, type Profile } from '../cluster/profile.ts'
import { measureTree } from '../cluster/footprint.ts'
import { homeOf, print, table, type CommandLine } from './context.ts'

export async function status(cli: CommandLine): Promise<void> {
  const home = homeOf(cli)
  const profiles = listProfiles(home)
    .map((name) => readProfile(home, name))
    .filter((profile) => profile !== undefined)
  if (profiles.length === 0) {
    print(cli, 'there is no cluster; start one with: knarr up')
    return
  }
  const rows = await Promise.all(profiles.map((profile) => row(home, profile)))
  for (const line of table([['PROFILE', 'STATE', 'NODES', 'PODS', 'API', 'SINCE', 'MEMORY', 'CPU'], ...rows])) print(cli, line)
  for (const [name, state] of rows)
    if (state === 'not answering')
      print(cli, `the API of ${String(name)} is starting, or in trouble; its log: ${join(profilePaths(home, String(name)).logs, 'server.log')}`)
}

async function row(home: string, profile: Profile): Promise<string[]> {
  const api = `https://127.0.0.1:${profile.apiPort}`
  if (!isUp(home, profile)) return [profile.name, 'down', `0/${profile.nodes.length}`, '-', api, '-', '-', '-']
  const paths = profilePaths(home, profile.name)
  const client = clientOf(paths, 'admin')
  try {
    const [nodeList, podList] = await Promise.all([client.list(nodes), client.list(pods)])
    const ready = nodeList.items.filter(isNodeReady).length
    const tree = await measureTree(paths, systemClock)
    return [
      profile.name,
      'up',
      `${ready}/${nodeList.items.length}`,
      String(podList.items.length),
      api,
      age(tree.ageSeconds),
      tree.pssBytes ? `${Math.round(tree.pssBytes / 2 ** 20)} MB` : '-',
      `${tree.cpuPercent.toFixed(1)} %`,
    ]
  } catch {
    return [profile.name, 'not answering', `?/${profile.nodes.length}`, '-', api, '-', '-', '-']
  }
}

function age(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)}s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}
