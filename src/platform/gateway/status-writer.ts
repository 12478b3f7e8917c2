import type { Ingress } from '../../base/api/generated/types.ts'
import { keyOf } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import type { EventRecorder } from '../../base/client/events.ts'
import { createBackoff } from '../../base/lib/backoff.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { needsAddress, type StatusAddress, writeAddress } from './ingress-status.ts'

export interface StatusWriterOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly recorder: EventRecorder
  readonly served: () => readonly Ingress[]
  readonly statusAddress: () => StatusAddress
  readonly synced: Promise<void>
}

export interface StatusWriter {
  /** Something may have changed. */
  wake(): void
  readonly stopped: Promise<void>
}

/** The address is the only thing that changes without an event. */
const addressCheckMs = 5_000

/** Keeps the status of all served Ingresses at the gateway's address, and announces each version of an Ingress once. */
export const startStatusWriter = (options: StatusWriterOptions): StatusWriter => {
  let ring: () => void = () => undefined
  let isAwake = true
  const wake = (): void => {
    isAwake = true
    ring()
  }
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (isAwake || options.signal.aborted) return resolve()
      const cancel = options.clock.after(ms, resolve)
      ring = () => (cancel(), resolve())
    })
  options.signal.addEventListener('abort', wake, { once: true })
  const run = async (): Promise<void> => {
    await Promise.race([options.synced, aborted(options.signal)])
    const pass = createPass(options)
    const backoff = createBackoff({ initialMs: 200, maxMs: 10_000 })
    while (!options.signal.aborted) {
      isAwake = false
      if (await pass()) {
        backoff.reset()
        await sleep(addressCheckMs)
      } else await options.clock.sleep(backoff.next(), options.signal).catch(() => undefined)
    }
  }
  return { wake, stopped: run() }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))

/** One look at all Ingresses; false if a write failed. */
const createPass = ({ client, log, recorder, served, statusAddress }: StatusWriterOptions): (() => Promise<boolean>) => {
  let announced = new Map<string, string>()
  return async () => {
    const ingresses = served()
    const versions = new Map(ingresses.map((ingress) => [keyOf(ingress), `${ingress.metadata.uid} ${ingress.metadata.generation}`]))
    for (const ingress of ingresses) {
      if (announced.get(keyOf(ingress)) !== versions.get(keyOf(ingress))) recorder.event(ingress, 'Normal', 'Sync', 'Scheduled for sync')
    }
    announced = versions
    const address = statusAddress()
    const outdated = address.length === 0 ? [] : ingresses.filter((ingress) => needsAddress(ingress, address))
    const results = await Promise.allSettled(outdated.map((ingress) => writeAddress(client, ingress, address)))
    const failure = results.find((result) => result.status === 'rejected')
    if (failure) log.warn({ error: (failure.reason as Error).message }, 'the status of an Ingress could not be written')
    return !failure
  }
}
