import { bindingKey, type Binding } from './bindings.ts'

/**
 * Who has an address and port that several Services claim: the first has it, the next takes over when it goes.
 * Holds what each Service claims; says what each has won.
 */
export class Claims {
  readonly #claimed = new Map<string, ReadonlyMap<string, Binding>>()
  readonly #claimants = new Map<string, Set<string>>()

  /** Replaces the claims of one Service and gives every Service whose won bindings may differ now, itself first. */
  apply(key: string, bindings: readonly Binding[]): ReadonlySet<string> {
    const before = this.#claimed.get(key)
    const wanted = new Map(bindings.map((binding) => [bindingKey(binding), binding]))
    const affected = new Set([key])
    for (const address of before?.keys() ?? []) if (!wanted.has(address)) this.#release(address, key, affected)
    for (const address of wanted.keys()) this.#claimants.set(address, (this.#claimants.get(address) ?? new Set()).add(key))
    if (wanted.size > 0) this.#claimed.set(key, wanted)
    else this.#claimed.delete(key)
    return affected
  }

  keys(): readonly string[] {
    return [...this.#claimed.keys()]
  }

  won(key: string): readonly Binding[] {
    return [...(this.#claimed.get(key) ?? [])].filter(([address]) => this.#holder(address) === key).map(([, binding]) => binding)
  }

  #holder(address: string): string | undefined {
    return this.#claimants.get(address)?.values().next().value
  }

  #release(address: string, key: string, affected: Set<string>): void {
    const wasHolder = this.#holder(address) === key
    const claimants = this.#claimants.get(address)
    claimants?.delete(key)
    if (claimants?.size === 0) this.#claimants.delete(address)
    const next = this.#holder(address)
    if (wasHolder && next !== undefined) affected.add(next)
  }
}
