import { pods } from '../../base/api/kinds.ts'
import { bringUp, type UpRequest, type UpResult } from '../cluster/lifecycle.ts'
import { isUp } from '../cluster/supervisor.ts'
import { contextName } from '../cluster/names.ts'
import { kubeconfigPath } from '../cluster/kubeconfig-path.ts'
import { readProfile, type Profile, type RuntimeName } from '../cluster/profile.ts'
import { runningNodes } from '../cluster/profile-nodes.ts'
import { requireRightsForPods } from '../cluster/rights.ts'
import { serviceProxyHere } from '../../node/network/service-proxy/choose-proxy.ts'
import { homeOf, print, type CommandLine } from './context.ts'

export interface UpOptions {
  readonly profile: string
  readonly nodes?: number
  readonly kubeconfig?: string
  readonly runtime?: RuntimeName
  readonly cpus?: number
  readonly memory?: number
  readonly diskSize?: number
}

export async function up(cli: CommandLine, options: UpOptions): Promise<void> {
  let proxyHere: Promise<string> | undefined
  const onApi = ({ runtime }: Profile) => {
    if (runtime === 'process') proxyHere = serviceProxyHere()
  }
  const { profile, client, wasUp, readyMs } = await startCluster(cli, options, onApi)
  if (wasUp) {
    const { items } = await client.list(pods)
    print(cli, `cluster ${contextName(profile)} is already up: ${nodeCount(profile)}, ${items.length} Pods`)
    return
  }
  const proxy = profile.runtime === 'process' ? `, ${await proxyHere}` : ''
  const registry = profile.runtime === 'process' && profile.registryPort ? `, registry localhost:${profile.registryPort}` : ''
  const facts = `API https://127.0.0.1:${profile.apiPort}${registry}, context ${contextName(profile)}${proxy}`
  print(cli, `cluster ${contextName(profile)} is up: ${nodeCount(profile, ' ready')} in ${(readyMs / 1000).toFixed(1)} s (${facts})`)
}

/** `3 nodes`, `2 nodes ready and 1 stopped`. */
function nodeCount(profile: Profile, state = ''): string {
  const running = runningNodes(profile).length
  const stopped = profile.nodes.length - running
  return `${running} node${running === 1 ? '' : 's'}${state}${stopped ? ` and ${stopped} stopped` : ''}`
}

export async function startCluster(cli: CommandLine, options: UpOptions, onApi?: (profile: Profile) => void): Promise<UpResult> {
  const home = homeOf(cli)
  const known = readProfile(home, options.profile)
  const runtime = options.runtime ?? known?.runtime ?? 'process'
  if (runtime === 'process' && !(known && isUp(home, known))) requireRightsForPods('$(which knarr) up')
  return bringUp({ ...upRequest(cli, options), ...(onApi ? { onApi } : {}) }).finally(() => endProgress(cli))
}

export function upRequest(cli: CommandLine, options: UpOptions): UpRequest {
  const home = homeOf(cli)
  return {
    home,
    name: options.profile,
    nodes: options.nodes,
    runtime: options.runtime,
    resources: {
      ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
      ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
      ...(options.diskSize === undefined ? {} : { diskBytes: options.diskSize }),
    },
    mainFile: cli.mainFile,
    environment: cli.environment,
    kubeconfig: options.kubeconfig ?? readProfile(home, options.profile)?.kubeconfig ?? kubeconfigPath(cli.environment),
    onProgress: (line) => cli.stderr.isTTY === true && cli.stderr.write(`\r\x1b[K${line} …`),
  }
}

/** Takes the line of progress away. */
export const endProgress = (cli: CommandLine): boolean => cli.stderr.isTTY === true && cli.stderr.write('\r\x1b[K')
