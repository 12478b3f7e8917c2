import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { release, userInfo } from 'node:os'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { deployments, namespaces } from '../../base/api/kinds.ts'
import { applyObject, kindOf } from '../cluster/apply.ts'
import { removeCluster, removeHome, waitFor } from '../cluster/lifecycle.ts'
import { contextName } from '../cluster/names.ts'
import { listProfiles, readProfile, type Profile } from '../cluster/profile.ts'
import { runningNodes } from '../cluster/profile-nodes.ts'
import { UserError } from '../cluster/errors.ts'
import type { Client } from '../../base/client/client.ts'
import type { KubeObject } from '../../base/api/object.ts'
import { silentLog } from '../../base/lib/log.ts'
import { createImageStore } from '../../node/images/local-image-store.ts'
import { serviceProxyHere } from '../../node/network/service-proxy/choose-proxy.ts'
import { version } from '../version.ts'
import { homeOf, print, type CommandLine } from './context.ts'
import { startCluster } from './up.ts'

const requests = 30

/** Boots a cluster, builds and deploys examples/tasks, sends it requests through its Ingress and says where everything is. */
export async function demo(cli: CommandLine, options: { profile: string; once?: boolean; kubeconfig?: string }): Promise<void> {
  const home = homeOf(cli)
  const wasThere = readProfile(home, options.profile) !== undefined
  const example = join(dirname(cli.mainFile), '..', 'examples', 'tasks')
  if (!existsSync(join(example, 'dist', 'server.js'))) throw new UserError(`${example} is not built. Run: npm run build`)
  print(cli, `knarr ${version} on this machine: ${await machine()}`)

  const { profile, client, readyMs } = await startCluster(cli, options)
  if (profile.runtime === 'simulated')
    throw new UserError(`cluster ${contextName(profile)} is simulated: no process of it can answer. Run: knarr demo --profile demo`)
  row(cli, 'cluster', contextName(profile), `${runningNodes(profile).length} nodes ready`, seconds(readyMs))
  await step(cli, 'image', 'tasks:dev', async () => {
    const images = await createImageStore({ directory: join(home, 'images'), log: silentLog, nodeExecutable: process.execPath })
    await images.build({ context: example, tag: 'tasks:dev' })
    return 'built from examples/tasks (host-node)'
  })
  await step(cli, 'deploy', 'namespace tasks', () => deploy(client, example))
  await check(cli, profile)
  print(cli, '')
  if (options.once) {
    await cleanUp(client, home, profile, wasThere)
    print(cli, wasThere ? 'Removed             the namespace tasks; the cluster was there before and stays' : 'Removed             everything, as --once asks')
    return
  }
  const knarr = cli.environment['npm_lifecycle_event'] ? 'npx knarr' : 'knarr'
  print(cli, `The to-do service   http://tasks.localhost:${profile.httpPort}/tasks`)
  print(cli, `kubectl             ${profile.kubeconfig} has the context ${contextName(profile)}; try: kubectl get pods -A`)
  print(cli, `Stop, keep data     ${knarr} down${profileFlag(profile)}`)
  print(cli, `Remove everything   ${knarr} delete --all`)
}

const profileFlag = (profile: Profile) => (profile.name === 'default' ? '' : ` --profile ${profile.name}`)

async function deploy(client: Client, example: string): Promise<string> {
  const folder = join(example, 'manifests')
  for (const file of readdirSync(folder).sort())
    for (const document of parseAllDocuments(readFileSync(join(folder, file), 'utf8'))) {
      const object = document.toJS() as KubeObject
      await applyObject(client, kindOf(object), object)
    }
  let replicas = ''
  const isAvailable = async () => {
    const { spec, status, metadata } = await client.get(deployments, { namespace: 'tasks', name: 'tasks' })
    replicas = `${status.readyReplicas ?? 0}/${spec.replicas ?? 0}`
    return (
      status.observedGeneration === metadata.generation &&
      (status.availableReplicas ?? 0) >= (spec.replicas ?? 0) &&
      (status.updatedReplicas ?? 0) >= (spec.replicas ?? 0)
    )
  }
  await waitFor(isAvailable, 'the Deployment tasks did not become available; see: kubectl -n tasks describe pods', 60_000)
  return `Deployment ${replicas}, Service, Ingress`
}

async function check(cli: CommandLine, profile: Profile): Promise<void> {
  const send = (method: string, body?: object) => ask(profile.httpPort, method, body)
  await waitFor(async () => (await send('GET')).status === 200, `nothing answers at http://tasks.localhost:${profile.httpPort}/tasks`)
  const startedMs = performance.now()
  const created = await send('POST', { title: 'Set sail', description: 'with the morning tide' })
  row(cli, 'check', 'POST /tasks', `${created.status} from ${created.servedBy}`, `${Math.max(1, Math.round(performance.now() - startedMs))} ms`)
  const answers = await Promise.all(Array.from({ length: requests }, () => send('GET')))
  const failed = answers.filter((answer) => answer.status !== 200).length
  const podCount = new Set(answers.map((answer) => answer.servedBy)).size
  row(cli, 'check', 'GET /tasks', `${podCount} Pods answered ${requests} requests`, `${failed} failed`)
  if (created.status !== 201 || failed > 0) throw new UserError('the sample service did not answer as it should; see: kubectl -n tasks logs deployment/tasks')
}

/** Status 0: no answer. */
function ask(port: number, method: string, body?: object): Promise<{ status: number; servedBy: string }> {
  return new Promise((resolve) => {
    const fail = () => resolve({ status: 0, servedBy: '?' })
    const message = request(
      { host: '127.0.0.1', port, method, path: '/tasks', timeout: 5000, headers: { host: `tasks.localhost:${port}`, 'content-type': 'application/json' } },
      (response) => {
        response.resume().once('end', () => resolve({ status: response.statusCode ?? 0, servedBy: String(response.headers['x-served-by'] ?? '?') }))
      },
    )
    message
      .once('timeout', () => message.destroy())
      .once('error', fail)
      .once('close', fail)
      .end(body ? JSON.stringify(body) : undefined)
  })
}

async function cleanUp(client: Client, home: string, profile: Profile, wasThere: boolean): Promise<void> {
  if (wasThere) return client.delete(namespaces, { name: 'tasks' })
  await removeCluster(home, profile)
  if (listProfiles(home).length === 0) removeHome(home)
}

async function step(cli: CommandLine, what: string, name: string, act: () => Promise<string>): Promise<void> {
  const startedMs = performance.now()
  const fact = await act()
  row(cli, what, name, fact, seconds(performance.now() - startedMs))
}

const row = (cli: CommandLine, what: string, name: string, fact: string, figure: string) =>
  print(cli, `  ${what.padEnd(9)} ${name.padEnd(26)} ${fact.padEnd(42)} ${figure}`)

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

async function machine(): Promise<string> {
  const cgroup = existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'cgroup v2' : 'cgroup v1'
  const who = process.getuid?.() === 0 ? 'root' : userInfo().username
  return `Linux ${release().split('.').slice(0, 2).join('.')}, ${who}, ${cgroup}, ${await serviceProxyHere()}`
}
