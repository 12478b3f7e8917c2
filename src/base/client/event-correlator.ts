/** What upstream's EventCorrelator compares of an event; times are wall time in milliseconds. */
export interface Said {
  /** Who says it of what: component, host and the object with its field. */
  readonly subject: string
  readonly type: string
  readonly reason: string
  readonly message: string
}

/** An event that is to be written: the first of its kind, or one more. */
export interface Correlated {
  /** Equal for what shares one Event object. */
  readonly key: string
  readonly message: string
}

export interface CorrelatorOptions {
  /** Distinct messages of one reason after which they are told as one. */
  readonly similarLimit?: number
  /** How long they are counted together. */
  readonly similarWindowMs?: number
  /** Events that one source may write of one object at once, and how long it takes to earn one more. */
  readonly burst?: number
  readonly refillMs?: number
}

const rememberedSubjects = 4096

/**
 * Upstream's rules against floods of events. The tenth distinct message of one reason within ten minutes, and those after it, become
 * one event, `(combined from similar events): …`; of one object a source writes 25 events at once and then one every five minutes.
 */
export class EventCorrelator {
  readonly #limits: Required<CorrelatorOptions>
  readonly #similar = new Map<string, { messages: Set<string>; lastMs: number }>()
  readonly #budgets = new Map<string, { tokens: number; atMs: number }>()

  constructor(options: CorrelatorOptions = {}) {
    this.#limits = { similarLimit: 10, similarWindowMs: 600_000, burst: 25, refillMs: 300_000, ...options }
  }

  /** Undefined where the object has had its share. `object` names it without its field. */
  correlate(said: Said, object: string, nowMs: number): Correlated | undefined {
    const correlated = this.#aggregate(said, nowMs)
    return this.#spend(object, nowMs) ? correlated : undefined
  }

  #aggregate({ subject, type, reason, message }: Said, nowMs: number): Correlated {
    const key = JSON.stringify([subject, type, reason])
    const before = this.#similar.get(key)
    const messages = before && nowMs - before.lastMs <= this.#limits.similarWindowMs ? before.messages : new Set<string>()
    messages.add(message)
    remember(this.#similar, key, { messages, lastMs: nowMs })
    if (messages.size < this.#limits.similarLimit) return { key: JSON.stringify([subject, type, reason, message]), message }
    // Room for the next one: which message goes does not matter.
    messages.delete(messages.values().next().value ?? '')
    return { key, message: `(combined from similar events): ${message}` }
  }

  #spend(object: string, nowMs: number): boolean {
    const { burst, refillMs } = this.#limits
    const before = this.#budgets.get(object) ?? { tokens: burst, atMs: nowMs }
    const tokens = Math.min(burst, before.tokens + (nowMs - before.atMs) / refillMs)
    remember(this.#budgets, object, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs })
    return tokens >= 1
  }
}

/** Sets an entry and, past the limit, forgets the one that was not set for longest. */
export const remember = <T>(entries: Map<string, T>, key: string, entry: T): void => {
  entries.delete(key)
  entries.set(key, entry)
  const oldest = entries.keys().next().value
  if (entries.size > rememberedSubjects && oldest !== undefined) entries.delete(oldest)
}
