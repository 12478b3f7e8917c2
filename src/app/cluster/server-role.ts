import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ingresses } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { createInformer } from '../../base/client/informer.ts'
import { openLmdbStore } from '../../control/store/lmdb-store.ts'
import { podCgroup } from '../../node/kubelet/pod-cgroup.ts'
import { whileFrozen } from '../../node/runtime/process/freeze.ts'
import type { StandStill } from '../../node/storage/snapshotter.ts'
import { createVolumeFolders } from '../../node/storage/volume-folders.ts'
import { ensureIngressObjects } from '../../platform/gateway/ingress-objects.ts'
import { createControlPlane } from './control-plane.ts'
import { runGatewayChild } from './gateway-child.ts'
import { serveHostAccess } from './host-access.ts'
import { layoutOf } from './layout.ts'
import { contextName } from './names.ts'
import { awaitPki } from './pki.ts'
import { readProfile } from './profile.ts'
import { serveStore } from './store-socket.ts'
import { runningNodes } from './profile-nodes.ts'
import { aborted, type RoleContext } from './role.ts'

/** The server process: API, store, controllers, scheduler; and the platform process once an Ingress exists. */
export async function runServer(context: RoleContext): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  const layout = layoutOf(profile)
  const store = openLmdbStore({ path: paths.store })
  const pki = await awaitPki(paths.pki, { clock, signal })
  const hasNetwork = profile.runtime === 'process'
  const controlPlane = await createControlPlane({
    store,
    clock,
    log,
    pki,
    ranges: profile.ranges,
    endpoint: hasNetwork ? { address: layout.controlPlane.address, port: layout.agentApiPort } : { address: '127.0.0.1', port: profile.apiPort },
    serverUrl: `https://127.0.0.1:${profile.apiPort}`,
    ...(hasNetwork ? { volumes: createVolumeFolders(paths.volumes), standStill: standStillBelow(contextName(profile)) } : {}),
    signal,
    nodeDialer: (name) => (isSwitchedOn(context, name) ? { socketPath: paths.agentSocket } : undefined),
  })
  const { server, admin } = controlPlane
  if (hasNetwork) await ensureIngressObjects(admin, { address: layout.gatewayIP, httpPort: 80, httpsPort: 443 })
  const tls = { cert: pki.server.cert, key: pki.server.key, ca: pki.clientCA }
  rmSync(paths.serverSocket, { force: true })
  await server.listen({ tls, socketPath: paths.serverSocket, signal })
  await server.listen({ tls, host: '127.0.0.1', port: profile.apiPort, signal })
  await serveStore({ socketPath: paths.storeSocket, store, signal })
  log.info({ port: profile.apiPort }, `the API of ${contextName(profile)} answers`)

  const running = controlPlane.run()
  if (hasNetwork) {
    await serveHostAccess(context)
    const { serveImages } = await import('./local-registry.ts')
    await serveImages(context, admin)
  }
  if (!hasNetwork) await startSimulatedNodes(context)
  const platform = hasNetwork ? startPlatformWhenNeeded(context, admin) : undefined
  await aborted(signal)
  await Promise.all([running, platform])
  await store.close()
}

/** Holds the Pods' control groups, one within the other. */
const standStillBelow =
  (cgroupRoot: string): StandStill =>
  async ([pod, ...others], act) => {
    if (!pod) return act()
    await whileFrozen({ cgroupRoot: `${cgroupRoot}/${podCgroup(pod).cgroupParent}` }, () => standStillBelow(cgroupRoot)(others, act))
  }

/** Read anew each time: a node can be stopped while the server runs. */
const isSwitchedOn = ({ home, profile }: RoleContext, node: string): boolean =>
  runningNodes(readProfile(home, profile.name) ?? profile).some(({ name }) => name === node)

async function startSimulatedNodes(context: RoleContext): Promise<void> {
  const { startSimulatedAgent } = await import('./simulated-agent.ts')
  await startSimulatedAgent(context)
}

/** The platform process (the L7 gateway) starts with the first object that needs it: an idle cluster pays for two open ports. */
async function startPlatformWhenNeeded(context: RoleContext, client: Client): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  const untilFirst = new AbortController()
  const informer = createInformer(client, ingresses, { signal: AbortSignal.any([signal, untilFirst.signal]), clock, log })
  const needed = new Promise<void>((resolve) => informer.onChange(({ object }) => object && resolve())).then(() => untilFirst.abort())
  const command = [
    'nsenter',
    `--net=/run/netns/${contextName(profile)}`,
    process.execPath,
    context.mainFile,
    'internal',
    'platform',
    context.home,
    profile.name,
  ]
  const files = { logFile: join(paths.logs, 'platform.log'), pidFile: join(paths.run, 'platform.pid') }
  await runGatewayChild({ command, ...files, httpPort: profile.httpPort, httpsPort: profile.httpsPort, needed, clock, log, signal })
}
