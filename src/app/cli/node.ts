import { nodes, pods } from '../../base/api/kinds.ts'
import { clientOf } from '../cluster/identities.ts'
import { isNodeReady } from '../cluster/lifecycle.ts'
import { isUp } from '../cluster/supervisor.ts'
import { addNode, deleteNode, startNode, stopNode } from '../cluster/nodes.ts'
import { profilePaths } from '../cluster/profile.ts'
import { homeOf, knownProfile, print, table, UsageError, type CommandLine } from './context.ts'

interface NodeOptions {
  readonly profile: string
}

export async function list(cli: CommandLine, options: NodeOptions): Promise<void> {
  const home = homeOf(cli)
  const profile = knownProfile(home, options.profile)
  const seen = isUp(home, profile) ? await observe(clientOf(profilePaths(home, profile.name), 'admin')) : undefined
  const rows = profile.nodes.map(({ name, role, address, stopped }) => {
    const state = stopped ? 'stopped' : seen ? (seen.ready.has(name) ? 'Ready' : 'NotReady') : 'down'
    return [name, role, state, address, seen ? String(seen.pods.filter((node) => node === name).length) : '-']
  })
  for (const line of table([['NAME', 'ROLE', 'STATE', 'ADDRESS', 'PODS'], ...rows])) print(cli, line)
}

async function observe(client: ReturnType<typeof clientOf>) {
  const [nodeList, podList] = await Promise.all([client.list(nodes), client.list(pods)])
  return {
    ready: new Set(nodeList.items.filter(isNodeReady).map((node) => node.metadata.name)),
    pods: podList.items.map((pod) => pod.spec.nodeName),
  }
}

export async function stop(cli: CommandLine, name: string, options: NodeOptions): Promise<void> {
  const wasRunning = await stopNode(homeOf(cli), options.profile, name)
  print(
    cli,
    wasRunning
      ? `${name} stopped; it turns NotReady after 40 s and its Pods move after their tolerations (300 s by default)`
      : `${name} is stopped already; bring it back with: knarr node start ${name} --profile ${options.profile}`,
  )
}

export async function start(cli: CommandLine, name: string, options: NodeOptions): Promise<void> {
  const startedMs = performance.now()
  const wasStopped = await startNode(homeOf(cli), options.profile, name)
  print(cli, wasStopped ? `${name} started; Ready in ${seconds(startedMs)}, its Pods start again` : `${name} is running already`)
}

export async function add(cli: CommandLine, name: string | undefined, options: NodeOptions): Promise<void> {
  if (name !== undefined && !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    throw new UsageError(`a node's name has at most 63 lower-case letters, digits and hyphens (got "${name}")`)
  const startedMs = performance.now()
  const node = await addNode(homeOf(cli), options.profile, name)
  print(cli, `${node.name} added; Ready in ${seconds(startedMs)} (${node.address})`)
}

export async function remove(cli: CommandLine, name: string, options: NodeOptions): Promise<void> {
  const pods = await deleteNode(homeOf(cli), options.profile, name)
  print(cli, `${name} deleted${pods ? `; its ${pods} Pod${pods === 1 ? '' : 's'} moved away` : ''}`)
}

const seconds = (startedMs: number) => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`
