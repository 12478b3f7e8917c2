import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseProfile } from './profile-format.ts'

export type RuntimeName = 'process' | 'simulated'

/** The address ranges of a profile, chosen once so that they clash with nothing on this machine. */
export interface Ranges {
  readonly podCIDR: string
  readonly serviceCIDR: string
  readonly loadBalancerCIDR: string
  readonly nodeCIDR: string
}

export interface ClusterResources {
  readonly cpus?: number
  readonly memoryBytes?: number
  /** Said by the nodes; nothing enforces it. */
  readonly diskBytes?: number
}

/** A virtual node. Its address and name stay its own for as long as it exists. */
export interface ProfileNode {
  readonly name: string
  readonly address: string
  readonly role: 'control-plane' | 'worker'
  /** As if its plug were pulled: it stays so over restarts, until `knarr node start`. */
  readonly stopped: boolean
}

/** What is written down of a cluster: enough to bring it up again as it was. */
export interface Profile {
  readonly formatVersion: 2
  readonly name: string
  readonly runtime: RuntimeName
  /** The first is the control plane. */
  readonly nodes: readonly ProfileNode[]
  readonly ranges: Ranges
  /** What the cluster as a whole may take, and what each node says it has; absent: all of the machine's. */
  readonly resources?: ClusterResources
  readonly apiPort: number
  readonly httpPort: number
  readonly httpsPort: number
  /** Where the image store is served as a registry; absent in profiles of older versions until their next `up`. */
  readonly registryPort?: number
  /** Where `up` wrote the context, so that `delete` takes it out there. */
  readonly kubeconfig: string
}

/** Where a profile keeps its things; everything of Knarr is below one folder. */
export interface ProfilePaths {
  readonly directory: string
  readonly file: string
  readonly pki: string
  readonly store: string
  readonly run: string
  readonly logs: string
  readonly runtime: string
  readonly kubelet: string
  readonly volumes: string
  /** Saved states, by name: see `keep/`. */
  readonly snapshots: string
  readonly serverSocket: string
  /** Where the server hands out all that its store holds. */
  readonly storeSocket: string
  readonly agentSocket: string
  readonly dnsSocket: string
  readonly dialSocket: string
  readonly images: string
  /** Mirrors of registries, and how to speak with them. */
  readonly registries: string
  /** Holds this cluster's context only, for `knarr kubectl`. */
  readonly kubeconfig: string
}

/** `$KNARR_HOME`, or the XDG data folder (XDG Base Directory Specification). */
export function knarrHome(environment: NodeJS.ProcessEnv): string {
  if (environment['KNARR_HOME']) return environment['KNARR_HOME']
  return join(environment['XDG_DATA_HOME'] || join(environment['HOME'] || homedir(), '.local', 'share'), 'knarr')
}

export function profilePaths(home: string, name: string): ProfilePaths {
  const directory = join(home, 'profiles', name)
  const run = join(directory, 'run')
  return {
    directory,
    run,
    file: join(directory, 'profile.json'),
    pki: join(directory, 'pki'),
    store: join(directory, 'store'),
    logs: join(directory, 'logs'),
    runtime: join(directory, 'runtime'),
    kubelet: join(directory, 'kubelet'),
    volumes: join(directory, 'volumes'),
    snapshots: join(directory, 'snapshots'),
    serverSocket: join(run, 'server.sock'),
    storeSocket: join(run, 'store.sock'),
    agentSocket: join(run, 'agent.sock'),
    dnsSocket: join(run, 'dns.sock'),
    dialSocket: join(run, 'dial.sock'),
    images: join(home, 'images'),
    registries: join(home, 'registries.yaml'),
    kubeconfig: join(directory, 'kubeconfig'),
  }
}

/** Undefined: there is none. Throws one line for the user where it cannot be read. */
export function readProfile(home: string, name: string): Profile | undefined {
  let text: string
  try {
    text = readFileSync(profilePaths(home, name).file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  return parseProfile(name, text)
}

export function writeProfile(home: string, profile: Profile): void {
  const paths = profilePaths(home, profile.name)
  mkdirSync(paths.directory, { recursive: true, mode: 0o700 })
  writeFileSync(`${paths.file}.new`, `${JSON.stringify(profile, null, 2)}\n`)
  renameSync(`${paths.file}.new`, paths.file)
}

export function listProfiles(home: string): string[] {
  try {
    return readdirSync(join(home, 'profiles'))
      .filter((name) => readProfile(home, name) !== undefined)
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
