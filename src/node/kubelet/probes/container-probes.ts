import type { Container, Probe } from '../../../base/api/generated/types.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import { type FormerHealth, initialProbeState, nextProbeState, type ProbeAnswer, type ProbeKind, type ProbeState } from './probe-state.ts'

/** What is worth an Event: a failure, a good answer with a catch, a question that could not be put. */
export type Finding = 'failed' | 'warning' | 'errored'

export interface ContainerProbesOptions {
  readonly container: Container
  readonly startedAtMs: number
  /** Set for a container that an earlier agent started. */
  readonly former?: FormerHealth
  readonly clock: Clock
  readonly ask: (probe: Probe) => Promise<ProbeAnswer>
  /** A result changed. */
  readonly onChange: () => void
  readonly onFinding: (kind: ProbeKind, finding: Finding, message: string) => void
  /** 0 to 1: which part of its first period a probe of an earlier agent's container waits, so that not all are asked at once. */
  readonly random: () => number
}

// Upstream asks a container that is not ready whenever it looks at the Pod (the prober's manual trigger), so also on noticing, within a
// second, that it runs. Most programs do not listen yet when they are first asked, and the next turn may be a long period away.
const noticedAfterMs = 300

/** The probes of one running container. Liveness and readiness wait for the startup probe. */
export class ContainerProbes {
  readonly #options: ContainerProbesOptions
  readonly #states = new Map<ProbeKind, ProbeState>()
  readonly #cancels = new Set<() => void>()
  readonly #asking = new Set<ProbeKind>()
  #isClosed = false
  #isEnding = false

  constructor(options: ContainerProbesOptions) {
    this.#options = options
    for (const kind of ['liveness', 'readiness', 'startup'] as const) {
      if (this.#probe(kind)) this.#states.set(kind, initialProbeState(kind, options.former))
    }
    if (this.hasStarted) this.#beginOthers()
    else this.#begin('startup')
  }

  get hasStarted(): boolean {
    const state = this.#states.get('startup')
    return state === undefined || state.result === 'success'
  }

  get isReady(): boolean {
    const state = this.#states.get('readiness')
    return this.hasStarted && (state === undefined || state.result === 'success')
  }

  get failed(): 'liveness' | 'startup' | undefined {
    if (this.#states.get('startup')?.result === 'failure') return 'startup'
    return this.#states.get('liveness')?.result === 'failure' ? 'liveness' : undefined
  }

  /** The container is to end: its liveness is no question any more, its readiness still is. */
  letEnd(): void {
    this.#isEnding = true
  }

  close(): void {
    this.#isClosed = true
    for (const cancel of this.#cancels) cancel()
  }

  #probe(kind: ProbeKind): Probe | undefined {
    return this.#options.container[`${kind}Probe`]
  }

  #beginOthers(): void {
    if (this.#probe('liveness')) this.#begin('liveness')
    if (!this.#probe('readiness')) return
    this.#begin('readiness')
    this.#noticeStart()
  }

  #begin(kind: ProbeKind): void {
    const { clock, startedAtMs, former, random } = this.#options
    const probe = this.#probe(kind)
    const spreadMs = former ? random() * periodMsOf(probe) : 0
    this.#schedule(kind, Math.max(spreadMs, startedAtMs + (probe?.initialDelaySeconds ?? 0) * 1000 - clock.now()))
  }

  #noticeStart(): void {
    const { clock, startedAtMs } = this.#options
    const ms = startedAtMs + noticedAfterMs - clock.now()
    if (ms <= 0 || this.#probe('readiness')?.initialDelaySeconds) return
    this.#after(ms, () => !this.isReady && !this.#asking.has('readiness') && void this.#ask('readiness'))
  }

  #schedule(kind: ProbeKind, ms: number): void {
    this.#after(ms, () => void this.#run(kind))
  }

  #after(ms: number, act: () => void): void {
    if (this.#isClosed) return
    const cancel = this.#options.clock.after(ms, () => {
      this.#cancels.delete(cancel)
      act()
    })
    this.#cancels.add(cancel)
  }

  /** A turn, and the next one a period after it began. */
  async #run(kind: ProbeKind): Promise<void> {
    const { clock } = this.#options
    const askedAt = clock.monotonic()
    const result = await this.#ask(kind)
    if (this.#isClosed || (this.#isEnding && kind !== 'readiness')) return
    if (kind === 'startup' && result === 'success') return this.#beginOthers()
    if (kind !== 'readiness' && result === 'failure') return
    this.#schedule(kind, Math.max(0, periodMsOf(this.#probe(kind)) - (clock.monotonic() - askedAt)))
  }

  async #ask(kind: ProbeKind): Promise<ProbeState['result'] | undefined> {
    const probe = this.#probe(kind)
    if (!probe || (this.#isEnding && kind !== 'readiness')) return undefined
    this.#asking.add(kind)
    const answer = await this.#askPatiently(probe)
    this.#asking.delete(kind)
    const before = this.#states.get(kind)
    if (this.#isClosed || !before) return undefined
    if (answer instanceof Error) {
      this.#options.onFinding(kind, 'errored', answer.message)
      return before.result
    }
    const state = nextProbeState(before, answer.ok, probe)
    this.#states.set(kind, state)
    if (!answer.ok || answer.isWarning) this.#options.onFinding(kind, answer.ok ? 'warning' : 'failed', answer.message)
    if (state.result !== before.result) this.#options.onChange()
    return state.result
  }

  /** What could not be asked is asked again at once, a few times. */
  async #askPatiently(probe: Probe): Promise<ProbeAnswer | Error> {
    let error = new Error('not asked')
    for (let turn = 0; turn < tries && !this.#isClosed; turn++) {
      const answer = await this.#options.ask(probe).catch((cause: Error) => cause)
      if (!(answer instanceof Error)) return answer
      error = answer
    }
    return error
  }
}

const tries = 3
const periodMsOf = (probe: Probe | undefined): number => (probe?.periodSeconds ?? 10) * 1000
