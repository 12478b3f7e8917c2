import { overlaps, parseCidr } from '../../base/lib/cidr.ts'
import { ipJson } from './ip-command.ts'

/** The address ranges of one profile. None overlaps another. */
export interface NetworkRanges {
  /** /16, a /24 for each node; the last /30 is the link between host and profile. */
  readonly podCIDR: string
  readonly serviceCIDR: string
  readonly loadBalancerCIDR: string
  readonly nodeCIDR: string
}

/** A line of `ip -j route show table all`; `table` is absent for the main one. */
export interface Route {
  readonly dst: string
  readonly dev?: string
  readonly type?: string
  readonly gateway?: string
  readonly table?: string
}

/** Where a range is in use already: a route's or an address's destination and its device. */
export interface TakenRange {
  readonly cidr: string
  readonly dev: string
}

const candidate = (first: string, service: number, pod: number): NetworkRanges => ({
  podCIDR: `${first}.${pod}.0.0/16`,
  serviceCIDR: `${first}.${service}.0.0/20`,
  loadBalancerCIDR: `${first}.${service}.128.0/24`,
  nodeCIDR: `${first}.${service}.129.0/24`,
})

/** kubeadm's and kind's customary ranges come first, so that a first profile looks like what users know. */
export const defaultCandidates: readonly NetworkRanges[] = [
  ...Array.from({ length: 64 }, (_, index) => candidate('10', 96 + index, 244 - index)),
  ...Array.from({ length: 6 }, (_, index) => candidate('172', 18 + index, 31 - index)),
]

export const rangesOf = (ranges: NetworkRanges): readonly string[] => [ranges.podCIDR, ranges.serviceCIDR, ranges.loadBalancerCIDR, ranges.nodeCIDR]

/** The first candidate that touches nothing in use. */
export const firstFree = (candidates: readonly NetworkRanges[], taken: readonly TakenRange[]): NetworkRanges | undefined => {
  const used = taken.map((range) => parseCidr(range.cidr))
  return candidates.find((ranges) =>
    rangesOf(ranges)
      .map(parseCidr)
      .every((range) => !used.some((other) => overlaps(range, other))),
  )
}

/** Every IPv4 destination the machine has a route of its own for, in any table, but not its default routes. */
export const takenRanges = async (): Promise<readonly TakenRange[]> => rangesIn(await ipJson<Route>(['-4', 'route', 'show', 'table', 'all']))

/** The same, of routes that are known. */
export const rangesIn = (routes: readonly Route[]): readonly TakenRange[] =>
  routes.filter((route) => route.dst !== 'default').map((route) => ({ cidr: route.dst, dev: route.dev ?? route.type ?? 'a route' }))

/** Chooses ranges that clash with no route or address of this machine, so that profiles, VPNs and container engines stay apart. */
export const pickRanges = async (options: { candidates?: readonly NetworkRanges[]; taken?: readonly TakenRange[] } = {}): Promise<NetworkRanges> => {
  const taken = options.taken ?? (await takenRanges())
  const ranges = firstFree(options.candidates ?? defaultCandidates, taken)
  if (!ranges) throw new Error(`every candidate network range is in use on this machine (${taken.length} routes); name free ranges for this profile`)
  return ranges
}

/** What of `taken` would steal packets from `ranges`: the same destination or a part of it, held by another device. Broader routes are only shadowed. */
export const conflictsOf = (ranges: readonly string[], taken: readonly TakenRange[], ownDevice: string): readonly TakenRange[] => {
  const own = ranges.map(parseCidr)
  return taken.filter((range) => {
    const other = parseCidr(range.cidr)
    return range.dev !== ownDevice && own.some((mine) => overlaps(mine, other) && other.prefix >= mine.prefix)
  })
}
