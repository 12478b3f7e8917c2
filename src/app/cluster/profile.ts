import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { addressAt, parseCidr } from '../../base/lib/cidr.ts'

export type RuntimeName = 'process' | 'simulated'

/** The address ranges of a profile, chosen once so that they clash with nothing on this machine. */
export interface Ranges {
  readonly podCIDR: string
  readonly serviceCIDR: string
  readonly loadBalancerCIDR: string
  readonly nodeCIDR: string
}

/** What is written down of a cluster: enough to bring it up again as it was. */
export interface Profile {
  readonly formatVersion: 1
  readonly name: string
  readonly runtime: RuntimeName
  readonly nodes: number
  readonly ranges: Ranges
  readonly apiPort: number
  readonly httpPort: number
  readonly httpsPort: number
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
  readonly serverSocket: string
  readonly agentSocket: string
  readonly dnsSocket: string
  readonly images: string
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
    serverSocket: join(run, 'server.sock'),
    agentSocket: join(run, 'agent.sock'),
    dnsSocket: join(run, 'dns.sock'),
    images: join(home, 'images'),
  }
}

export function readProfile(home: string, name: string): Profile | undefined {
  try {
    const profile = JSON.parse(readFileSync(profilePaths(home, name).file, 'utf8')) as Profile
    if (profile.formatVersion !== 1) throw new Error(`profile ${name} was written by a newer knarr (format ${String(profile.formatVersion)})`)
    return profile
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
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

/** `knarr`, `knarr-worker`, `knarr-worker2` for the default profile; other profiles put their own name in front, as kind does. */
export function nodeNames(profile: Pick<Profile, 'name' | 'nodes'>): string[] {
  const stem = profile.name === 'default' ? 'knarr' : `knarr-${profile.name}`
  return Array.from({ length: profile.nodes }, (_, index) => (index === 0 ? `${stem}-control-plane` : `${stem}-worker${index === 1 ? '' : index}`))
}

/** The n-th address of an IPv4 range: `nthAddress('10.96.0.0/16', 10)` is `10.96.0.10`. */
export function nthAddress(cidr: string, n: number): string {
  return addressAt(parseCidr(cidr), n)
}
