import { leases } from '../api/kinds.ts'
import type { Lease, OwnerReference } from '../api/generated/types.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { isStatusError } from '../machinery/status-error.ts'
import type { Client } from './client.ts'
import { microStampOf } from './stamp.ts'

export interface LeaseOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly namespace: string
  readonly name: string
  readonly holderIdentity: string
  /** Default 40, as a kubelet's. */
  readonly durationSeconds?: number
  /** Default: a quarter of the duration. */
  readonly renewEveryMs?: number
  /** Asked at each creation, so that the Lease goes with its owner. */
  readonly ownerReferences?: () => readonly OwnerReference[]
}

/** Creates the Lease and renews it until `signal` aborts; failures are retried at the next turn (the first after a second). */
export const keepLease = async (options: LeaseOptions): Promise<void> => {
  const { clock, signal, log, durationSeconds = 40 } = options
  const renewEveryMs = options.renewEveryMs ?? (durationSeconds * 1000) / 4
  let held: Lease | undefined
  while (!signal.aborted) {
    try {
      held = await renew(options, held)
    } catch (error) {
      held = undefined
      log.warn({ lease: options.name, error: (error as Error).message }, 'the lease could not be renewed')
    }
    await clock.sleep(held ? renewEveryMs : Math.min(1000, renewEveryMs), signal).catch(() => undefined)
  }
}

const renew = async (options: LeaseOptions, held: Lease | undefined): Promise<Lease> => {
  const { client, clock, namespace, name, holderIdentity, durationSeconds = 40 } = options
  const spec = { holderIdentity, leaseDurationSeconds: durationSeconds, renewTime: microStampOf(clock.now()) }
  const current = held ?? (await client.get(leases, { namespace, name }).catch(absent))
  if (current) return client.update(leases, { ...current, spec: { ...current.spec, ...spec } })
  return client.create(leases, { metadata: { namespace, name, ownerReferences: options.ownerReferences?.() ?? [] }, spec })
}

const absent = (error: unknown): undefined => {
  if (isStatusError(error, 'NotFound')) return undefined
  throw error
}
