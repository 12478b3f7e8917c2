export interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
  /** Default 2. */
  readonly factor?: number
  /** Adds up to this share of the delay, so that many do not retry in step. Default 0. */
  readonly jitter?: number
  readonly random?: () => number
}

export interface Backoff {
  /** The delay before the next try, in milliseconds; grows from call to call. */
  next(): number
  reset(): void
}

/** The delay before retry number `attempt` (0 is the first), without jitter. */
export const backoffMs = ({ initialMs, maxMs, factor = 2 }: BackoffOptions, attempt: number): number =>
  Math.min(maxMs, initialMs * factor ** Math.min(attempt, 64))

export const createBackoff = (options: BackoffOptions): Backoff => {
  const { jitter = 0, random = Math.random } = options
  let attempt = 0
  return {
    next: () => backoffMs(options, attempt++) * (1 + jitter * random()),
    reset: () => {
      attempt = 0
    },
  }
}
