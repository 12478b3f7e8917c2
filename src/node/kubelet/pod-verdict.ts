import type { Pod } from '../../base/api/generated/types.ts'
import type { PodPhase } from './pod-phase.ts'

/** A phase that holds whatever the containers do, and why: refused by the node, past its deadline, ended before. */
export interface Verdict {
  readonly phase: PodPhase
  readonly reason?: string
  readonly message?: string
}

export const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** What has ended stays ended, also for an agent that starts anew. */
export const formerVerdict = (pod: Pod): Verdict | undefined => {
  if (!hasEnded(pod)) return undefined
  const { phase, reason, message } = pod.status ?? {}
  return { phase: phase as PodPhase, ...(reason ? { reason } : {}), ...(message ? { message } : {}) }
}

export const deadlineVerdict: Required<Verdict> = {
  phase: 'Failed',
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
}

/** Milliseconds until `activeDeadlineSeconds` is over, not positive afterwards; undefined where there is none. */
export const leftToDeadlineMs = (pod: Pod, { startTime, nowMs }: { startTime: string; nowMs: number }): number | undefined => {
  const seconds = pod.spec.activeDeadlineSeconds
  return seconds === undefined ? undefined : Date.parse(startTime) + seconds * 1000 - nowMs
}
