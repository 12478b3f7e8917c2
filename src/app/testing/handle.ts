import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiVersionOf, type Kind } from '../../base/api/kind.ts'
import { events, namespaces, serviceAccounts } from '../../base/api/kinds.ts'
import type { Event } from '../../base/api/generated/types.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { applyObject } from '../cluster/apply.ts'
import type { Cluster, ClusterClock } from './cluster.ts'
import { millisecondsOf } from './duration.ts'
import { factsOf, isAsExpected, wordsOf, type Expectation } from './expectation.ts'
import { readManifests } from './manifests.ts'
import { parseReference, type Reference } from './reference.ts'
import type { Simulation } from './simulation.ts'

/** What a runtime brings; the rest of a `Cluster` is the same for all. */
export interface ClusterParts {
  readonly client: Client
  readonly kinds: () => readonly Kind[]
  readonly clock: ClusterClock
  /** Milliseconds that only grow, on the cluster's clock. */
  readonly monotonic: () => number
  readonly simulate: Simulation
  settle(): Promise<void>
  /** Lets some time pass, at most until `untilMs` on the monotonic clock. False: there is nothing more to wait for. */
  pass(untilMs: number): Promise<boolean>
  kubeconfig(): Promise<string>
  /** A folder that goes with the cluster. */
  directory(): string
  close(): Promise<void>
}

export function createHandle(parts: ClusterParts): Cluster {
  const { client, settle } = parts
  const find = (text: string, namespace: string | undefined) => parseReference(text, { kinds: parts.kinds(), namespace })
  let closed: Promise<void> | undefined
  const close = () => (closed ??= parts.close())
  return {
    client,
    clock: parts.clock,
    simulate: parts.simulate,
    settle,
    apply: async (manifests, { namespace = 'default' } = {}) => apply(parts, readManifests(manifests), namespace),
    async waitFor(text, expectation, { namespace, timeout = '5m' } = {}) {
      return (await waitFor(parts, { text, ...find(text, namespace) }, { expectation, timeoutMs: millisecondsOf(timeout), timeout })) as never
    },
    async events(text, { namespace } = {}) {
      await settle()
      return text === undefined ? eventsOf(client) : eventsAbout(client, find(text, namespace))
    },
    kubeconfig: parts.kubeconfig,
    async writeKubeconfig(file = join(parts.directory(), 'kubeconfig')) {
      writeFileSync(file, await parts.kubeconfig(), { mode: 0o600 })
      return file
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A folder of a cluster's own below the system's folder for such. */
export const makeTemporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'knarr-cluster-'))

async function apply(parts: ClusterParts, objects: readonly KubeObject[], namespace: string): Promise<KubeObject[]> {
  const stored: KubeObject[] = []
  for (const object of objects) {
    const kind = parts.kinds().find((candidate) => candidate.kind === object.kind && apiVersionOf(candidate) === object.apiVersion)
    if (!kind) throw new TypeError(`the cluster serves no kind ${object.kind} in ${object.apiVersion}`)
    const placed = kind.namespaced ? { ...object, metadata: { namespace, ...object.metadata } } : object
    stored.push(await applyObject(parts.client, kind, placed))
    // A Pod is refused until its namespace has the ServiceAccount that a controller makes there.
    if (kind === namespaces) await waitForAccount(parts, object.metadata.name)
  }
  await parts.settle()
  return stored
}

const waitForAccount = (parts: ClusterParts, namespace: string) =>
  waitFor(
    parts,
    { text: 'serviceaccount/default', kind: serviceAccounts, ref: { namespace, name: 'default' } },
    { expectation: () => true, timeoutMs: 30_000, timeout: '30s' },
  )

interface Wait {
  readonly expectation: Expectation<never>
  readonly timeoutMs: number
  /** As the caller wrote it. */
  readonly timeout: string | number
}

async function waitFor(parts: ClusterParts, target: Reference & { readonly text: string }, wait: Wait): Promise<KubeObject | undefined> {
  const untilMs = parts.monotonic() + wait.timeoutMs
  await parts.settle()
  for (;;) {
    const object = await read(parts.client, target)
    if (isAsExpected(object, wait.expectation as Expectation)) return object
    if (parts.monotonic() >= untilMs || !(await parts.pass(untilMs))) throw await timedOut(parts.client, target, { ...wait, object })
  }
}

async function read(client: Client, { kind, ref }: Reference): Promise<KubeObject | undefined> {
  try {
    return await client.get(kind, ref)
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined
    throw error
  }
}

/** The last Events shown in an error. */
const shownEvents = 8

async function timedOut(
  client: Client,
  target: Reference & { readonly text: string },
  { expectation, timeout, object }: Wait & { object: KubeObject | undefined },
) {
  const about = (await eventsAbout(client, target)).slice(-shownEvents)
  const span = typeof timeout === 'number' ? `${timeout} ms` : timeout
  const place = target.ref.namespace ? ` in namespace ${target.ref.namespace}` : ''
  const lines = [...factsOf(object), ...about.map(({ type, reason, message }) => `event: ${type} ${reason}: ${message}`)]
  return new Error(`${target.text}${place} ${wordsOf(expectation)} within ${span} of the cluster's time\n${lines.map((line) => `  ${line}`).join('\n')}`)
}

async function eventsOf(client: Client, options: { namespace?: string | undefined; fieldSelector?: string } = {}): Promise<readonly Event[]> {
  const { items } = await client.list(events, options)
  return items.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)) || Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
}

const timeOf = (event: Event): string => event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''

const eventsAbout = (client: Client, { kind, ref }: Reference): Promise<readonly Event[]> =>
  eventsOf(client, { namespace: ref.namespace, fieldSelector: `involvedObject.kind=${kind.kind},involvedObject.name=${ref.name}` })
