/** The period that quotas are counted in, as upstream sets it. */
export const periodMicros = 100_000

const leastShares = 2
const mostShares = 262_144

/**
 * Shares of version 1 (2 to 262144) as a weight of version 2 (1 to 10000), by the formula of runc 1.3.2 and crun 1.23: a curve
 * through (2, 1), (1024, 100) and (262144, 10000), so that what is the default in one is the default in the other.
 */
export function cpuWeightOf(shares: number): number {
  if (shares <= leastShares) return 1
  if (shares >= mostShares) return 10_000
  const log = Math.log2(shares)
  const weight = 10 ** ((log * log + 125 * log) / 612 - 7 / 34)
  // Rounded up, but not for an error of the last binary digit.
  return Math.ceil(weight - 1e-9)
}
