import type { Node, Pod, Service } from '../../base/api/generated/types.ts'
import { controllerOf } from '../../base/client/owner-ref.ts'
import { amountsOf, podRequests, podScoringRequests, type Amounts } from '../../base/api/pod-requests.ts'
import type { StorageView } from './storage-view.ts'

/** A Pod with what the plugins ask of it, worked out once. */
export interface PodInfo {
  readonly pod: Pod
  readonly key: string
  readonly requests: Amounts
  readonly scoringRequests: Amounts
  /** `protocol/hostIP/port`. */
  readonly hostPorts: readonly HostPort[]
  /** The managing controller's uid. */
  readonly owner: string | undefined
}

export interface HostPort {
  readonly protocol: string
  readonly ip: string
  readonly port: number
}

/** A node with the sums of all that runs, or is about to run, on it. */
export interface NodeInfo {
  readonly name: string
  readonly node: Node
  readonly allocatable: Amounts
  readonly pods: ReadonlyMap<string, PodInfo>
  readonly requested: Amounts
  readonly scoringRequested: Amounts
  /** How many Pods of each controller. */
  readonly owned: ReadonlyMap<string, number>
}

/** What a scheduling cycle sees. It does not change during a cycle. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[]
  /** Nodes with a Pod that has pod affinity or anti-affinity of its own. */
  readonly affine: ReadonlyMap<string, { readonly info: PodInfo; readonly node: NodeInfo }>
  servicesOf(namespace: string): readonly Service[]
  labelsOfNamespace(namespace: string): Readonly<Record<string, string>>
  readonly storage: StorageView
  /** Pods that preemption made room for on this node and that are not there yet. */
  promisedOn(node: string): readonly PodInfo[]
  /** The node that preemption made room on for this Pod. */
  promisedTo(key: string): string | undefined
}

export const priorityOf = ({ pod }: PodInfo): number => pod.spec.priority ?? 0

export const podInfoOf = (pod: Pod): PodInfo => ({
  pod,
  key: `${pod.metadata.namespace}/${pod.metadata.name}`,
  requests: podRequests(pod),
  scoringRequests: podScoringRequests(pod),
  hostPorts: [...(pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always'), ...pod.spec.containers].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort)
      .map((port) => ({ protocol: port.protocol ?? 'TCP', ip: port.hostIP || '0.0.0.0', port: port.hostPort! })),
  ),
  owner: controllerOf(pod)?.uid,
})

/** A finished Pod takes no room. */
export const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

export const hasPodAffinity = (pod: Pod): boolean => Boolean(pod.spec.affinity?.podAffinity ?? pod.spec.affinity?.podAntiAffinity)

class NodeRecord implements NodeInfo {
  readonly name: string
  readonly pods = new Map<string, PodInfo>()
  readonly requested = new Map<string, number>()
  readonly scoringRequested = new Map<string, number>()
  readonly owned = new Map<string, number>()
  allocatable: Amounts = new Map()
  #node: Node | undefined

  constructor(name: string) {
    this.name = name
  }

  // Absent only while the Node object is: such records are in no snapshot's list.
  get node(): Node {
    return this.#node!
  }

  get isKnown(): boolean {
    return this.#node !== undefined
  }

  setNode(node: Node | undefined): void {
    this.#node = node
    this.allocatable = amountsOf(node?.status?.allocatable)
  }

  count(info: PodInfo, sign: 1 | -1): void {
    if (sign > 0) this.pods.set(info.key, info)
    else this.pods.delete(info.key)
    for (const [resource, amount] of info.requests) add(this.requested, resource, sign * amount)
    for (const [resource, amount] of info.scoringRequests) add(this.scoringRequested, resource, sign * amount)
    if (info.owner) add(this.owned, info.owner, sign)
  }
}

/** The snapshot as it would be if the node held just these Pods. */
export const supposing = (snapshot: Snapshot, { name, node }: NodeInfo, pods: Iterable<PodInfo>): { readonly snapshot: Snapshot; readonly node: NodeInfo } => {
  const record = new NodeRecord(name)
  record.setNode(node)
  for (const info of pods) record.count(info, 1)
  const affine = new Map([...snapshot.affine].filter(([, held]) => held.node.name !== name))
  for (const info of record.pods.values()) if (hasPodAffinity(info.pod)) affine.set(info.key, { info, node: record })
  const nodes = snapshot.nodes.map((other) => (other.name === name ? record : other))
  return { snapshot: { ...snapshot, nodes, affine }, node: record }
}

const add = (sums: Map<string, number>, key: string, amount: number): void => {
  const sum = (sums.get(key) ?? 0) + amount
  if (sum === 0) sums.delete(key)
  else sums.set(key, sum)
}

export interface CacheLookups {
  readonly servicesOf: (namespace: string) => readonly Service[]
  readonly labelsOfNamespace: (namespace: string) => Readonly<Record<string, string>>
  readonly storage: StorageView
}

/**
 * The scheduler's own book of nodes and placed Pods, kept from watch events and its own assumptions.
 * Costs grow with what changes; the snapshot is the book itself, since a cycle runs without a pause.
 */
export class SchedulerCache {
  readonly #records = new Map<string, NodeRecord>()
  readonly #placed = new Map<string, { info: PodInfo; node: string; assumed: boolean }>()
  readonly #affine = new Map<string, { info: PodInfo; node: NodeInfo }>()
  readonly #promised = new Map<string, { info: PodInfo; node: string }>()
  readonly #lookups: CacheLookups
  #nodes: readonly NodeInfo[] | undefined

  constructor(lookups: CacheLookups) {
    this.#lookups = lookups
  }

  setNode(node: Node): void {
    const record = this.#record(node.metadata.name)
    if (!record.isKnown) this.#nodes = undefined
    record.setNode(node)
  }

  removeNode(name: string): void {
    this.#nodes = undefined
    const record = this.#records.get(name)
    record?.setNode(undefined)
    this.#dropIfEmpty(record)
  }

  /** Takes a Pod as the API shows it: placed, moved nowhere, finished or not placed at all. */
  setPod(pod: Pod): void {
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`
    const placed = this.#placed.get(key)
    const node = isFinished(pod) ? undefined : pod.spec.nodeName
    if (placed?.assumed && !node && !isFinished(pod) && placed.info.pod.metadata.uid === pod.metadata.uid) return
    this.#take(key)
    if (node) this.#put(podInfoOf(pod), node, false)
    else if (isFinished(pod) || pod.metadata.deletionTimestamp) this.#promised.delete(key)
    else if (pod.status?.nominatedNodeName) this.promise(podInfoOf(pod), pod.status.nominatedNodeName)
  }

  removePod(key: string): void {
    this.#take(key)
    this.#promised.delete(key)
  }

  /** Keeps the room that preemption makes for a Pod from those of lower priority; undefined: no longer. */
  promise(info: PodInfo, node: string | undefined): void {
    if (node === undefined) this.#promised.delete(info.key)
    else this.#promised.set(info.key, { info, node })
  }

  /** Counts a Pod as placed before the API says so. */
  assume(info: PodInfo, node: string): void {
    this.#take(info.key)
    this.#put(info, node, true)
  }

  /** The binding failed; nothing to do if the API has shown the Pod as placed meanwhile. */
  forget(key: string): void {
    if (this.#placed.get(key)?.assumed) this.#take(key)
  }

  isPlaced(key: string): boolean {
    return this.#placed.has(key)
  }

  snapshot(): Snapshot {
    this.#nodes ??= [...this.#records.values()].filter((record) => record.isKnown).sort((a, b) => (a.name < b.name ? -1 : 1))
    return {
      nodes: this.#nodes,
      affine: this.#affine,
      promisedOn: (node) => (this.#promised.size === 0 ? [] : [...this.#promised.values()].filter((promise) => promise.node === node).map(({ info }) => info)),
      promisedTo: (key) => this.#promised.get(key)?.node,
      ...this.#lookups,
    }
  }

  node(name: string): NodeInfo | undefined {
    return this.#records.get(name)
  }

  #record(name: string): NodeRecord {
    const known = this.#records.get(name)
    if (known) return known
    const record = new NodeRecord(name)
    this.#records.set(name, record)
    return record
  }

  #put(info: PodInfo, node: string, assumed: boolean): void {
    const record = this.#record(node)
    record.count(info, 1)
    this.#promised.delete(info.key)
    this.#placed.set(info.key, { info, node, assumed })
    if (hasPodAffinity(info.pod)) this.#affine.set(info.key, { info, node: record })
  }

  #take(key: string): void {
    const placed = this.#placed.get(key)
    if (!placed) return
    this.#placed.delete(key)
    this.#affine.delete(key)
    const record = this.#records.get(placed.node)
    record?.count(placed.info, -1)
    this.#dropIfEmpty(record)
  }

  #dropIfEmpty(record: NodeRecord | undefined): void {
    if (record && !record.isKnown && record.pods.size === 0) this.#records.delete(record.name)
  }
}
