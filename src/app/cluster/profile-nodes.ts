import { addressAt, parseCidr } from '../../base/lib/cidr.ts'
import type { Profile, ProfileNode } from './profile.ts'

/** The n-th address of an IPv4 range: `nthAddress('10.96.0.0/16', 10)` is `10.96.0.10`. */
export const nthAddress = (cidr: string, n: number): string => addressAt(parseCidr(cidr), n)

const firstNodeAddress = 11
const lastNodeAddress = 250

/** `knarr-worker2` for the default profile; other profiles put their own name in front, as kind does. */
const stemOf = (profileName: string) => (profileName === 'default' ? 'knarr' : `knarr-${profileName}`)

/** One control plane and the rest workers. */
export function firstNodes(profileName: string, nodeCIDR: string, count: number): ProfileNode[] {
  const name = (index: number) => `${stemOf(profileName)}-${index === 0 ? 'control-plane' : `worker${index === 1 ? '' : index}`}`
  return Array.from({ length: count }, (_, index) => ({
    name: name(index),
    address: nthAddress(nodeCIDR, firstNodeAddress + index),
    role: index === 0 ? 'control-plane' : 'worker',
    stopped: false,
  }))
}

/** A worker with the first free address and, unless told, the first free name. Undefined where no address is left. */
export function nextWorker(profile: Pick<Profile, 'name' | 'nodes' | 'ranges'>, name = freeWorkerName(profile)): ProfileNode | undefined {
  const taken = new Set(profile.nodes.map((node) => node.address))
  for (let n = firstNodeAddress; n <= lastNodeAddress; n++) {
    const address = nthAddress(profile.ranges.nodeCIDR, n)
    if (!taken.has(address)) return { name, address, role: 'worker', stopped: false }
  }
  return undefined
}

function freeWorkerName({ name, nodes }: Pick<Profile, 'name' | 'nodes'>): string {
  const taken = new Set(nodes.map((node) => node.name))
  for (let index = 1; ; index++) {
    const candidate = `${stemOf(name)}-worker${index === 1 ? '' : index}`
    if (!taken.has(candidate)) return candidate
  }
}

/** Those that are switched on. */
export const runningNodes = ({ nodes }: Pick<Profile, 'nodes'>): readonly ProfileNode[] => nodes.filter((node) => !node.stopped)
