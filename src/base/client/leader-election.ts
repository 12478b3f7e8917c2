import type { Lease, LeaseSpec } from '../api/generated/types.ts'
import { leases } from '../api/kinds.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { isStatusError } from '../machinery/status-error.ts'
import type { Client } from './client.ts'
import { microStampOf } from './stamp.ts'

export interface LeaderElectionOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  /** Ends the candidacy; who leads gives the Lease back, so that another takes over at once. */
  readonly signal: AbortSignal
  readonly namespace: string
  readonly name: string
  /** Of this candidate alone, and as long as it lives. */
  readonly identity: string
  /** What the leader does until `signal` aborts: the election's, or that of a leadership that was lost. */
  readonly lead: (signal: AbortSignal) => Promise<void>
  /** As client-go's defaults: 15, 10 and 2 seconds. */
  readonly leaseSeconds?: number
  readonly renewDeadlineMs?: number
  readonly retryPeriodMs?: number
}

/**
 * Leads while it holds the Lease, by client-go's rules: a holder that has not renewed for `leaseSeconds`, by this candidate's own clock,
 * is over; a leader that could not renew for `renewDeadlineMs` stops. Resolves when the signal has aborted, or with the leadership lost:
 * who wants to stand again calls it again.
 */
export const runElected = async (options: LeaderElectionOptions): Promise<void> => {
  const candidate = new Candidate(options)
  if (!(await candidate.acquire())) return
  const { lead, log, name, identity, signal } = options
  log.info({ lease: name, identity }, 'leads')
  const lost = new AbortController()
  const leading = lead(AbortSignal.any([signal, lost.signal]))
  const over = new AbortController()
  const renewing = candidate.renew(AbortSignal.any([signal, over.signal]), () => lost.abort())
  try {
    await leading
  } finally {
    over.abort()
    await renewing
  }
  // After the work has ended: the next one never acts beside this one.
  await candidate.release()
}

class Candidate {
  readonly #options: LeaderElectionOptions
  /** As last seen, and when this candidate saw it change. */
  #seen: Lease | undefined
  #seenAtMs = 0

  constructor(options: LeaderElectionOptions) {
    this.#options = options
  }

  /** Resolves to true as leader, to false when the signal has aborted. */
  async acquire(): Promise<boolean> {
    const { signal } = this.#options
    while (!signal.aborted) {
      if (await this.#attempt()) return true
      await this.#pause(signal)
    }
    return false
  }

  /** Renews until the signal aborts. Calls `lose` once when that did not succeed for too long, also where an answer does not come. */
  async renew(signal: AbortSignal, lose: () => void): Promise<void> {
    const { clock, log, name, renewDeadlineMs = 10_000 } = this.#options
    const over = new AbortController()
    const expire = () => {
      over.abort()
      log.warn({ lease: name }, 'the leadership is lost')
      lose()
    }
    let disarm = clock.after(renewDeadlineMs, expire)
    const ended = AbortSignal.any([signal, over.signal])
    while (!ended.aborted) {
      await this.#pause(ended)
      if (ended.aborted || !(await this.#attempt()) || ended.aborted) continue
      disarm()
      disarm = clock.after(renewDeadlineMs, expire)
    }
    disarm()
  }

  async release(): Promise<void> {
    if (!this.#isHeld || !this.#seen) return
    const now = microStampOf(this.#options.clock.now())
    const spec = { ...this.#seen.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now }
    await this.#write(this.#seen, spec).catch(this.#tell)
  }

  get #isHeld(): boolean {
    return this.#seen?.spec?.holderIdentity === this.#options.identity
  }

  #pause(signal: AbortSignal): Promise<void> {
    return this.#options.clock.sleep(this.#options.retryPeriodMs ?? 2000, signal).catch(() => undefined)
  }

  readonly #tell = (error: unknown): void => {
    const { log, name } = this.#options
    if (!isStatusError(error, 'Conflict') && !isStatusError(error, 'AlreadyExists'))
      log.warn({ lease: name, error: (error as Error).message }, 'the leader could not be elected')
  }

  /** Whether the Lease is this candidate's for another while. */
  async #attempt(): Promise<boolean> {
    const { client, clock, namespace, name, identity, leaseSeconds = 15 } = this.#options
    try {
      const lease = await client.get(leases, { namespace, name }).catch(absent)
      this.#observe(lease)
      const held = lease?.spec ?? {}
      const lastsMs = (held.leaseDurationSeconds ?? leaseSeconds) * 1000
      if (held.holderIdentity && !this.#isHeld && clock.monotonic() - this.#seenAtMs < lastsMs) return false
      const now = microStampOf(clock.now())
      const since = this.#isHeld
        ? { acquireTime: held.acquireTime ?? now, leaseTransitions: held.leaseTransitions ?? 0 }
        : { acquireTime: now, leaseTransitions: lease ? (held.leaseTransitions ?? 0) + 1 : 0 }
      await this.#write(lease, { ...held, ...since, holderIdentity: identity, leaseDurationSeconds: leaseSeconds, renewTime: now })
      return true
    } catch (error) {
      this.#tell(error)
      return false
    }
  }

  async #write(lease: Lease | undefined, spec: LeaseSpec): Promise<void> {
    const { client, namespace, name } = this.#options
    this.#observe(lease ? await client.update(leases, { ...lease, spec }) : await client.create(leases, { metadata: { namespace, name }, spec }))
  }

  #observe(lease: Lease | undefined): void {
    if (lease?.metadata.resourceVersion === this.#seen?.metadata.resourceVersion) return
    this.#seen = lease
    this.#seenAtMs = this.#options.clock.monotonic()
  }
}

const absent = (error: unknown): undefined => {
  if (isStatusError(error, 'NotFound')) return undefined
  throw error
}
