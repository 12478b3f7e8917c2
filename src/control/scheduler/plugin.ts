import type { NodeInfo, PodInfo, Snapshot } from './snapshot.ts'

/** Why a node does not take a Pod, as data. */
export interface Refusal {
  /** Upstream's wording; counted over nodes in the Pod's message. */
  readonly reasons: readonly string[]
  /** True where removing other Pods from the node would not help. */
  readonly unresolvable: boolean
  /** True where it is the Pod that is refused, whatever the node: its reason is then told without a count. */
  readonly isOfPod?: boolean
}

export type Filter = (node: NodeInfo) => Refusal | undefined

export interface Score {
  readonly of: (node: NodeInfo) => number
  /** Turns raw scores into 0 to 100, in place of taking them as they are. */
  readonly normalize?: (scores: readonly number[]) => readonly number[]
}

/**
 * Pure questions about one Pod. `filter` and `score` do once what concerns the Pod alone and answer a function for each node,
 * or undefined where the plugin has nothing to say.
 */
export interface SchedulerPlugin {
  readonly name: string
  /** Refuses the Pod as it is, before any node is asked. */
  readonly preFilter?: (pod: PodInfo, snapshot: Snapshot) => Refusal | undefined
  /** Names of the only nodes worth asking. */
  readonly preselect?: (pod: PodInfo) => ReadonlySet<string> | undefined
  readonly filter?: (pod: PodInfo, snapshot: Snapshot) => Filter | undefined
  readonly score?: (pod: PodInfo, snapshot: Snapshot, feasible: readonly NodeInfo[]) => Score | undefined
  /** Share of `score` in the sum. */
  readonly weight?: number
}

export const refuse = (reason: string): Refusal => ({ reasons: [reason], unresolvable: false })
export const refuseForGood = (reason: string): Refusal => ({ reasons: [reason], unresolvable: true })

export const maxScore = 100

/** Scales the highest score to 100, or, reversed, to 0. */
export const scaleToMax = (scores: readonly number[], options: { reverse: boolean }): readonly number[] => {
  const highest = Math.max(0, ...scores)
  if (highest === 0) return scores.map(() => (options.reverse ? maxScore : 0))
  return scores.map((score) => {
    const scaled = Math.floor((maxScore * score) / highest)
    return options.reverse ? maxScore - scaled : scaled
  })
}
