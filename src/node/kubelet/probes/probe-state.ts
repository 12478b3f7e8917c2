import type { Probe } from '../../../base/api/generated/types.ts'

export type ProbeKind = 'liveness' | 'readiness' | 'startup'

export interface ProbeState {
  readonly result: 'unknown' | 'success' | 'failure'
  readonly lastOk: boolean | undefined
  /** How often in a row the last answer came. */
  readonly run: number
}

/** Before the first answer: alive, not ready, not known to have started. */
export const initialProbeState = (kind: ProbeKind): ProbeState => ({
  result: kind === 'liveness' ? 'success' : kind === 'readiness' ? 'failure' : 'unknown',
  lastOk: undefined,
  run: 0,
})

/** The result changes only after as many equal answers in a row as the threshold asks. */
export const nextProbeState = (state: ProbeState, ok: boolean, probe: Pick<Probe, 'successThreshold' | 'failureThreshold'>): ProbeState => {
  const run = state.lastOk === ok ? state.run + 1 : 1
  const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3)
  return { result: run >= threshold ? (ok ? 'success' : 'failure') : state.result, lastOk: ok, run }
}
