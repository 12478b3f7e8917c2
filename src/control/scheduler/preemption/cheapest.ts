import { priorityOf, type PodInfo } from '../snapshot.ts'
import { startedMs, type Candidate } from './victims.ts'

/** So that one more victim outweighs any negative priority. */
const priorityOffset = 2 ** 31

// As upstream weighs them, the first difference decides; less is better.
const costs: readonly ((candidate: Candidate) => number)[] = [
  ({ brokenBudgets }) => brokenBudgets,
  ({ victims }) => highest(victims),
  ({ victims }) => victims.reduce((sum, victim) => sum + priorityOf(victim) + priorityOffset, 0),
  ({ victims }) => victims.length,
  // Rather the node whose important victims have run the least.
  ({ victims }) => -Math.min(...victims.filter((victim) => priorityOf(victim) === highest(victims)).map(startedMs)),
]

/** The node that it hurts least to make room on. */
export const cheapest = (candidates: readonly Candidate[]): Candidate | undefined => {
  let left = candidates
  for (const cost of costs) {
    if (left.length < 2) break
    const least = Math.min(...left.map(cost))
    left = left.filter((candidate) => cost(candidate) === least)
  }
  return left[0]
}

const highest = (victims: readonly PodInfo[]): number => Math.max(...victims.map(priorityOf))
