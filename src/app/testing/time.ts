import { systemClock, type Clock } from '../../base/lib/clock.ts'
import type { ClusterClock, ClusterOptions } from './cluster.ts'
import { millisecondsOf } from './duration.ts'
import { VirtualClock } from './virtual-clock.ts'

/** How the time of a cluster passes. */
export interface Time {
  readonly clock: Clock
  readonly public: ClusterClock
  settle(): Promise<void>
  /** Lets some time pass, at most until `untilMs` on the monotonic clock. False: nothing is due by then. */
  pass(untilMs: number): Promise<boolean>
  stop(): void
}

/** The time that `options.clock` asks for; `settling` resolves when the cluster is at rest. */
export function timeOf({ clock: choice = 'virtual' }: ClusterOptions, settling: () => Promise<void>): Time {
  return choice === 'system' ? realTime() : virtualTime(settling, choice === 'virtual' ? Date.now() : new Date(choice.startAt).getTime())
}

/** How often a cluster on real time looks again. */
const pollMs = 10
const rest = () => new Promise<true>((resolve) => setTimeout(() => resolve(true), pollMs))

export const realTime = (): Time => ({
  clock: systemClock,
  public: {
    now: () => systemClock.now(),
    advance: async () => {
      throw new Error("this cluster lives on the machine's time, which cannot be advanced: create it with clock: 'virtual'")
    },
    flow: () => undefined,
  },
  settle: async () => undefined,
  pass: rest,
  stop: () => undefined,
})

function virtualTime(settling: () => Promise<void>, startMs: number): Time {
  if (Number.isNaN(startMs)) throw new RangeError('clock.startAt is no date')
  const stop = new AbortController()
  const clock = new VirtualClock({ startMs, settle: () => (stop.signal.aborted ? Promise.resolve() : settling()) })
  return {
    clock,
    public: {
      now: () => clock.now(),
      advance: (duration) => clock.advance(millisecondsOf(duration)),
      flow: () => clock.flow(stop.signal),
    },
    settle: () => settling(),
    pass: (untilMs) => (clock.isFlowing ? rest() : clock.next(untilMs)),
    stop: () => stop.abort(),
  }
}
