const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy

/** A span of time as Kubernetes writes it (`90s`, `1h30m`, `500ms`; also `2d`), or a number of milliseconds. */
export type Duration = string | number

/** Throws a RangeError for what is no duration, or a negative one. */
export function millisecondsOf(duration: Duration): number {
  if (typeof duration === 'number') {
    if (Number.isFinite(duration) && duration >= 0) return duration
    throw new RangeError(`${duration} is not a duration: give milliseconds from 0, or a text such as "5m"`)
  }
  const parts = [...duration.matchAll(part)]
  if (duration === '' || parts.map(([text]) => text).join('') !== duration)
    throw new RangeError(`${JSON.stringify(duration)} is not a duration: write it as "90s", "5m" or "1h30m"`)
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * units[unit as keyof typeof units], 0)
}
