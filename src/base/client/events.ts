import { events } from '../api/kinds.ts'
import type { Event } from '../api/generated/types.ts'
import type { Draft, KubeObject } from '../api/object.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { isStatusError } from '../machinery/status-error.ts'
import type { Client } from './client.ts'
import { EventCorrelator, remember } from './event-correlator.ts'
import { stampOf } from './stamp.ts'

export type EventType = 'Normal' | 'Warning'

export interface EventRecorder {
  /** Never throws and does not wait. The same event again raises the count of the first. `fieldPath` as in `spec.containers{web}`. */
  event(object: KubeObject, type: EventType, reason: string, message: string, options?: { readonly fieldPath?: string }): void
  /** Resolves when all that was recorded so far is written or given up. */
  flush(): Promise<void>
}

export interface EventRecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  /** `source.component`, such as `deployment-controller`. */
  readonly component: string
  /** `source.host`: the node's name, for a node's own components. */
  readonly host?: string
}

interface Seen {
  readonly namespace: string
  name: string
  count: number
  firstTimestamp: string
}

// As upstream: beyond a bounded backlog events are dropped, not the process.
const backlogLimit = 1000

export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => {
  const seen = new Map<string, Seen>()
  const correlator = new EventCorrelator()
  const source = [options.component, options.host]
  let backlog = 0
  let last = Promise.resolve()

  const write = async (draft: Draft<Event>, key: string) => {
    try {
      await record(options, seen, draft, key)
    } catch (error) {
      options.log.debug({ reason: draft.reason, error: (error as Error).message }, 'the event could not be written')
    } finally {
      backlog--
    }
  }
  return {
    event(object, type, reason, message, { fieldPath } = {}) {
      if (backlog >= backlogLimit) return
      const { namespace, name, uid } = object.metadata
      const about = [...source, object.kind, namespace, name, uid]
      const said = { subject: JSON.stringify([...about, fieldPath]), type, reason, message }
      const correlated = correlator.correlate(said, JSON.stringify(about), options.clock.now())
      if (!correlated) return
      backlog++
      const draft = draftOf(options, object, { type, reason, message: correlated.message, fieldPath })
      last = last.then(() => write(draft, correlated.key))
    },
    flush: () => last,
  }
}

const draftOf = (
  { clock, component, host }: EventRecorderOptions,
  object: KubeObject,
  said: { type: EventType; reason: string; message: string; fieldPath: string | undefined },
): Draft<Event> => {
  const { name, namespace, uid, resourceVersion } = object.metadata
  const { fieldPath, ...words } = said
  const now = stampOf(clock.now())
  return {
    metadata: { namespace: namespace ?? 'default' },
    involvedObject: { apiVersion: object.apiVersion, kind: object.kind, name, namespace, uid, resourceVersion, fieldPath },
    ...words,
    source: { component, host },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
    reportingComponent: component,
    reportingInstance: host ?? '',
  }
}

const record = async ({ client, clock }: EventRecorderOptions, seen: Map<string, Seen>, draft: Draft<Event>, key: string) => {
  const earlier = seen.get(key)
  if (earlier) {
    earlier.count++
    const patch = { count: earlier.count, lastTimestamp: draft.lastTimestamp, message: draft.message }
    try {
      await client.patch(events, { namespace: earlier.namespace, name: earlier.name }, patch, { type: 'merge' })
      return
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error
    }
  }
  const namespace = draft.metadata?.namespace ?? 'default'
  const name = `${draft.involvedObject?.name}.${uniqueHex(clock.now())}`
  remember(seen, key, { namespace, name, count: earlier?.count ?? 1, firstTimestamp: earlier?.firstTimestamp ?? draft.firstTimestamp ?? '' })
  const first = seen.get(key)
  await client.create(events, { ...draft, metadata: { namespace, name }, count: first?.count ?? 1, firstTimestamp: first?.firstTimestamp })
}

// Upstream's suffix is the time in nanoseconds; the millisecond clock leaves six digits, which keep names of one moment apart.
const uniqueHex = (epochMs: number) => (BigInt(epochMs) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000))).toString(16)
