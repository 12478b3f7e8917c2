import type { Probe } from '../../../base/api/generated/types.ts'

export type ProbeKind = 'liveness' | 'readiness' | 'startup'

export interface ProbeAnswer {
  readonly ok: boolean
  readonly message: string
  /** Good, but worth an Event. */
  readonly isWarning?: boolean
}

export interface ProbeState {
  readonly result: 'unknown' | 'success' | 'failure'
  readonly lastOk: boolean | undefined
  /** How often in a row the last answer came. */
  readonly run: number
}

/** What the API was last told of a container that an earlier agent started. */
export interface FormerHealth {
  readonly started: boolean
  readonly ready: boolean
}

/** Before the first answer: alive, and of readiness and start what was known before, or nothing. */
export const initialProbeState = (kind: ProbeKind, former: FormerHealth | undefined): ProbeState => ({
  result: resultBefore(kind, former),
  lastOk: undefined,
  run: 0,
})

const resultBefore = (kind: ProbeKind, former: FormerHealth | undefined): ProbeState['result'] => {
  if (kind === 'liveness') return 'success'
  if (kind === 'readiness') return former?.ready ? 'success' : 'failure'
  return former?.started ? 'success' : 'unknown'
}

/** The result changes only after as many equal answers in a row as the threshold asks. */
export const nextProbeState = (state: ProbeState, ok: boolean, probe: Pick<Probe, 'successThreshold' | 'failureThreshold'>): ProbeState => {
  const run = state.lastOk === ok ? state.run + 1 : 1
  const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3)
  return { result: run >= threshold ? (ok ? 'success' : 'failure') : state.result, lastOk: ok, run }
}
