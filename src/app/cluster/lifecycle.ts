import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodes } from '../../base/api/kinds.ts'
import type { Node } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import { silentLog } from '../../base/lib/log.ts'
import { setUpProfileNetwork, tearDownProfileNetwork } from '../../node/network/profile-network.ts'
import { pickRanges } from '../../node/network/ranges.ts'
import { destroyAll } from '../../node/runtime/process/destroy.ts'
import { thaw } from '../../node/runtime/process/freeze.ts'
import { activeProfile, defaultProfile, setActiveProfile } from './active-profile.ts'
import { unmountBelow } from '../../node/runtime/process/mounts.ts'
import { UserError } from './errors.ts'
import { clientOf, ensureCertificates } from './identities.ts'
import { withLock } from './lock.ts'
import { contextName } from './names.ts'
import { requireNoNamesake } from './namesake.ts'
import { failureOf, forgetFailure } from './role-failure.ts'
import { layoutOf } from './layout.ts'
import { profileFormat } from './profile-format.ts'
import { firstNodes, runningNodes } from './profile-nodes.ts'
import { profilePaths, readProfile, writeProfile, type ClusterResources, type Profile, type ProfilePaths, type RuntimeName } from './profile.ts'
import { applyReplacement, clearHalfMade, emptyTrash, hasReplacement } from './replacement.ts'
import type { Pki } from './pki.ts'
import { isSupervised, isUp, type Role, stopOrphans, stopRoles, supervise } from './supervisor.ts'

export interface UpRequest {
  readonly home: string
  readonly name: string
  readonly nodes?: number | undefined
  readonly runtime?: RuntimeName | undefined
  readonly resources?: ClusterResources | undefined
  readonly kubeconfig: string
  readonly mainFile: string
  readonly environment: NodeJS.ProcessEnv
  readonly onProgress?: (line: string) => void
  /** The API answers; nodes are still awaited. */
  readonly onApi?: (profile: Profile) => void
}

export interface UpResult {
  readonly profile: Profile
  readonly client: Client
  readonly wasUp: boolean
  readonly apiMs: number
  readonly readyMs: number
}

const patienceMs = 30_000
const defaultRegistryPort = 5001

/** Brings a cluster up from whatever state it is in; safe to repeat. */
export const bringUp = (request: UpRequest): Promise<UpResult> =>
  withLock(lockOf(request.home, request.name), async () => {
    const result = await bringUpLocked(request)
    emptyTrash(profilePaths(request.home, request.name))
    return result
  })

export const lockOf = (home: string, name: string) => join(home, `${name}.lock`)

/** The same for who holds the lock. What was committed to take the place of the cluster's state does so first. */
export async function bringUpLocked(request: UpRequest): Promise<UpResult> {
  const startedMs = performance.now()
  await finishReplacement(request.home, request.name)
  const profile = await planProfile(request)
  const paths = profilePaths(request.home, profile.name)
  const wasUp = isUp(request.home, profile)
  if (!wasUp) {
    requireNoNamesake(request.home, profile)
    for (const directory of [paths.run, paths.logs, paths.runtime, paths.kubelet]) mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeProfile(request.home, profile)
  }
  try {
    return await startAndWait(request, { profile, wasUp, startedMs })
  } catch (error) {
    // What cannot start is not left behind to try for ever.
    if (!wasUp) await takeDownLocked(request.home, profile)
    throw error
  }
}

async function startAndWait(request: UpRequest, { profile, wasUp, startedMs }: { profile: Profile; wasUp: boolean; startedMs: number }): Promise<UpResult> {
  const paths = profilePaths(request.home, profile.name)
  for (const role of ['server', 'agent']) forgetFailure(paths, role)
  const pki = await startRoles(request, profile)
  const client = clientOf(paths, 'admin', pki)
  request.onProgress?.('waiting for the API')
  // Loaded while the server starts: a YAML library that keeps comments is not small.
  const { writeContext } = await import('./kubeconfig.ts')
  await waitFor(
    async () => isAlive(paths, 'server') && (await client.list(nodes, { limit: 1 })) !== undefined,
    `the API server did not answer; see ${join(paths.logs, 'server.log')}`,
  )
  const apiMs = performance.now() - startedMs
  request.onApi?.(profile)
  writeContext(profile.kubeconfig, {
    name: contextName(profile),
    server: `https://127.0.0.1:${profile.apiPort}`,
    ca: pki.serverCA,
    client: pki.client('admin'),
  })
  request.onProgress?.('waiting for the nodes')
  await waitFor(async () => isAlive(paths, 'agent') && areNodesReady(client, profile), `the nodes did not become ready; see ${join(paths.logs, 'agent.log')}`)
  return { profile, client, wasUp, apiMs, readyMs: performance.now() - startedMs }
}

/** Throws with the reason where a role has ended by itself. */
function isAlive(paths: ProfilePaths, role: 'server' | 'agent'): true {
  const failure = failureOf(paths, role)
  if (failure !== undefined) throw new UserError(`the ${role} cannot run: ${failure}`)
  return true
}

/** Stops everything that runs and keeps the data. Says whether anything ran. */
export const takeDown = (home: string, profile: Profile): Promise<boolean> => withLock(lockOf(home, profile.name), () => takeDownLocked(home, profile))

async function takeDownLocked(home: string, profile: Profile): Promise<boolean> {
  const ran = await endProcesses(home, profile)
  if (profile.runtime === 'process') await tearDownProfileNetwork(profile.name)
  return ran
}

/** Ends the cluster's processes and containers, and leaves it its network. Says whether anything ran. */
export async function endProcesses(home: string, profile: Profile): Promise<boolean> {
  const paths = profilePaths(home, profile.name)
  const ran = await stopRoles(paths)
  await endContainers(home, profile)
  return ran
}

/** No role may run, or it rests. */
export async function endContainers(home: string, profile: Profile): Promise<void> {
  if (profile.runtime !== 'process') return
  const paths = profilePaths(home, profile.name)
  thaw({ cgroupRoot: contextName(profile) })
  await destroyAll(paths.runtime, { cgroupRoot: contextName(profile) })
  await unmountBelow(paths.directory)
}

async function finishReplacement(home: string, name: string): Promise<void> {
  const paths = profilePaths(home, name)
  clearHalfMade(paths)
  if (!hasReplacement(paths)) return
  const profile = readProfile(home, name)
  if (profile) await endProcesses(home, profile)
  applyReplacement(paths)
}

/** Removes a cluster with its data and its kubeconfig entries. */
export async function removeCluster(home: string, profile: Profile): Promise<void> {
  await takeDown(home, profile)
  const { removeContext } = await import('./kubeconfig.ts')
  removeContext(profile.kubeconfig, contextName(profile))
  if (activeProfile(home) === profile.name) setActiveProfile(home, defaultProfile)
  await rm(profilePaths(home, profile.name).directory, { recursive: true, force: true, maxRetries: 3 })
}

/** Removes what is left when the last profile is gone: the images, what was fetched, and the data folder if nothing of anybody else's is in it. */
export function removeHome(home: string): void {
  for (const name of ['images', 'profiles', 'active-profile', 'bin', 'postgres']) rmSync(join(home, name), { recursive: true, force: true })
  if (existsSync(home) && readdirSync(home).length === 0) rmdirSync(home)
}

async function planProfile(request: UpRequest): Promise<Profile> {
  const known = readProfile(request.home, request.name)
  if (known) {
    if (request.runtime && request.runtime !== known.runtime)
      throw new UserError(
        `cluster ${contextName(known)} was made with --runtime ${known.runtime}. Run: knarr delete --profile ${known.name}    and bring it up again`,
      )
    requireSameResources(known, request.resources)
    if (request.nodes && request.nodes !== known.nodes.length)
      throw new UserError(
        `cluster ${contextName(known)} has ${known.nodes.length} nodes. Change that with: knarr node add --profile ${known.name}    or: knarr node delete NAME --profile ${known.name}`,
      )
    return { ...(await withFreePorts(request.home, known)), kubeconfig: request.kubeconfig }
  }
  const runtime = request.runtime ?? 'process'
  const ranges = await pickRanges()
  return {
    formatVersion: profileFormat,
    name: request.name,
    runtime,
    nodes: firstNodes(request.name, ranges.nodeCIDR, request.nodes ?? 3),
    ranges,
    ...(request.resources && Object.keys(request.resources).length > 0 ? { resources: request.resources } : {}),
    apiPort: await freePort(6443),
    httpPort: await freePort(8080),
    httpsPort: await freePort(8443),
    registryPort: await freePort(defaultRegistryPort),
    kubeconfig: request.kubeconfig,
  }
}

function requireSameResources(known: Profile, asked: ClusterResources = {}): void {
  for (const [name, flag] of [
    ['cpus', '--cpus'],
    ['memoryBytes', '--memory'],
    ['diskBytes', '--disk-size'],
  ] as const)
    if (asked[name] !== undefined && asked[name] !== known.resources?.[name])
      throw new UserError(`cluster ${contextName(known)} was made with another ${flag}. Run: knarr delete --profile ${known.name}    and bring it up again`)
}

export function networkOf(profile: Profile) {
  const layout = layoutOf(profile)
  return { profile: profile.name, ...profile.ranges, nodeIPs: [layout.gatewayIP, ...runningNodes(profile).map((node) => node.address)] }
}

/**
 * Starts what does not run, and makes what it needs at the same time: a server that finds no certificates loads its code and waits
 * for them; the agent needs the network. What cannot be completed is stopped again.
 */
async function startRoles(request: UpRequest, profile: Profile): Promise<Pki> {
  const paths = profilePaths(request.home, profile.name)
  const isFirstTime = !existsSync(paths.pki)
  try {
    if (isFirstTime) startServer(request, profile)
    const [pki] = await Promise.all([ensureCertificates(paths, profile), setUpNetwork(profile)])
    if (!isFirstTime) startServer(request, profile)
    startAgent(request, profile)
    return pki
  } catch (error) {
    if (isFirstTime) await stopRoles(paths)
    throw error
  }
}

async function setUpNetwork(profile: Profile): Promise<void> {
  if (profile.runtime === 'process') await setUpProfileNetwork({ ...networkOf(profile), log: silentLog })
}

const commandOf = ({ mainFile, home }: UpRequest, role: Role, profile: Profile) => [process.execPath, mainFile, 'internal', role, home, profile.name]

function startServer(request: UpRequest, profile: Profile): void {
  const paths = profilePaths(request.home, profile.name)
  if (!isSupervised(paths, 'server')) supervise(paths, 'server', commandOf(request, 'server', profile), request.environment)
}

function startAgent(request: UpRequest, profile: Profile): void {
  const paths = profilePaths(request.home, profile.name)
  if (profile.runtime === 'simulated' || isSupervised(paths, 'agent')) return
  const command = ['nsenter', `--net=/run/netns/${contextName(profile)}`, ...commandOf(request, 'agent', profile)]
  supervise(paths, 'agent', command, request.environment)
}

async function areNodesReady(client: Client, profile: Profile): Promise<boolean> {
  const { items } = await client.list(nodes)
  const ready = new Set(items.filter(isNodeReady).map((node) => node.metadata.name))
  return runningNodes(profile).every(({ name }) => ready.has(name))
}

export const isNodeReady = (node: Node): boolean =>
  (node.status.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True')

export async function waitFor(condition: () => Promise<boolean>, failure: string, timeoutMs = patienceMs): Promise<void> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      if (await condition()) return
    } catch (error) {
      if (error instanceof UserError) throw error
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new UserError(failure, { cause: last })
}

/** The profile's ports, or the next free ones where something else took one while the cluster was down. */
async function withFreePorts(home: string, profile: Profile): Promise<Profile> {
  const paths = profilePaths(home, profile.name)
  await stopOrphans(paths)
  if (isSupervised(paths, 'server')) return profile
  const [apiPort, httpPort, httpsPort] = [await freePort(profile.apiPort), await freePort(profile.httpPort), await freePort(profile.httpsPort)]
  return { ...profile, apiPort, httpPort, httpsPort, registryPort: await freePort(profile.registryPort ?? defaultRegistryPort) }
}

async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 100; port++) if (await isFree(port)) return port
  throw new UserError(`no free port from ${wanted} to ${wanted + 99} on 127.0.0.1`)
}

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
