import type { Container, Probe } from '../../../base/api/generated/types.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import { initialProbeState, nextProbeState, type ProbeKind, type ProbeState } from './probe-state.ts'

export interface ProbeAnswer {
  readonly ok: boolean
  readonly message: string
}

export interface ContainerProbesOptions {
  readonly container: Container
  readonly startedAtMs: number
  readonly clock: Clock
  readonly ask: (probe: Probe) => Promise<ProbeAnswer>
  /** A result changed. */
  readonly onChange: () => void
  /** An answer was a failure. */
  readonly onUnhealthy: (kind: ProbeKind, message: string) => void
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

  constructor(options: ContainerProbesOptions) {
    this.#options = options
    for (const kind of ['liveness', 'readiness', 'startup'] as const) if (this.#probe(kind)) this.#states.set(kind, initialProbeState(kind))
    if (this.#probe('startup')) this.#begin('startup')
    else this.#beginOthers()
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
    const { clock, startedAtMs } = this.#options
    const delayMs = (this.#probe(kind)?.initialDelaySeconds ?? 0) * 1000
    this.#schedule(kind, Math.max(0, startedAtMs + delayMs - clock.now()))
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
    if (this.#isClosed) return
    if (kind === 'startup' && result === 'success') return this.#beginOthers()
    if (kind !== 'readiness' && result === 'failure') return
    this.#schedule(kind, Math.max(0, (this.#probe(kind)?.periodSeconds ?? 10) * 1000 - (clock.monotonic() - askedAt)))
  }

  async #ask(kind: ProbeKind): Promise<ProbeState['result'] | undefined> {
    const probe = this.#probe(kind)
    if (!probe) return undefined
    this.#asking.add(kind)
    const answer = await this.#options.ask(probe).catch((error: Error): ProbeAnswer => ({ ok: false, message: error.message }))
    this.#asking.delete(kind)
    const before = this.#states.get(kind)
    if (this.#isClosed || !before) return undefined
    const state = nextProbeState(before, answer.ok, probe)
    this.#states.set(kind, state)
    if (!answer.ok) this.#options.onUnhealthy(kind, answer.message)
    if (state.result !== before.result) this.#options.onChange()
    return state.result
  }
}
