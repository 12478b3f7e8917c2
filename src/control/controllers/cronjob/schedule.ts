import { Cron } from 'croner'

/** When a CronJob is due: pure questions about a schedule. */
export interface Schedule {
  /** The first time after `ms`; undefined where there is none. */
  next(ms: number): number | undefined
  /** The latest time in (`afterMs`, `untilMs`], and how many there were in all; counting stops beyond `limit`. */
  missed(options: {
    readonly afterMs: number
    readonly untilMs: number
    readonly limit: number
  }): { readonly latestMs: number; readonly count: number } | undefined
}

/**
 * Reads a schedule as the upstream controller does: five fields (day of month and day of week are alternatives where both are given),
 * the `@` words, or `@every` with a Go duration. Throws an Error for any other text.
 */
export const parseSchedule = (text: string, timeZone = 'UTC'): Schedule => {
  const every = /^@every\s+(.+)$/.exec(text.trim())?.[1]
  return every === undefined ? cronSchedule(text, timeZone) : everySchedule(goDurationMs(every))
}

const cronSchedule = (text: string, timezone: string): Schedule => {
  const cron = new Cron(text.trim(), { timezone, paused: true, ...(text.startsWith('@') ? {} : { mode: '5-part' as const }) })
  const next = (ms: number) => cron.nextRun(new Date(ms))?.getTime()
  return {
    next,
    missed({ afterMs, untilMs, limit }) {
      // The reference itself is not among the previous runs: a whole second later, what is due right now is.
      const latestMs = cron.previousRuns(1, new Date(untilMs + 1000))[0]?.getTime()
      if (latestMs === undefined || latestMs <= afterMs || latestMs > untilMs) return undefined
      let count = 0
      for (let at = next(afterMs); at !== undefined && at <= untilMs && count <= limit; at = next(at)) count++
      return { latestMs, count }
    },
  }
}

const everySchedule = (stepMs: number): Schedule => ({
  next: (ms) => ms + stepMs,
  missed({ afterMs, untilMs }) {
    const count = Math.floor((untilMs - afterMs) / stepMs)
    return count > 0 ? { latestMs: afterMs + count * stepMs, count } : undefined
  },
})

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

const goDurationMs = (text: string): number => {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) throw new Error(`failed to parse duration ${text}`)
  // As upstream: at least a second, and whole seconds.
  return Math.max(1000, Math.floor(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ''] ?? 0), 0) / 1000) * 1000)
}
