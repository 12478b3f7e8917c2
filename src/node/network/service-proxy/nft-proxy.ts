import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import { runCommand, tryCommand } from '../ip-command.ts'
import type { Binding, ProxyNode } from './bindings.ts'
import { Claims } from './claims.ts'
import { readKernel } from './nft-kernel.ts'
import { emptyRules, rulesOf, type Rules } from './nft-rules.ts'
import { knownOf, nothingKnown, planChanges, serviceTable, tableScript, type Known } from './nft-script.ts'
import type { ServiceProxy } from './service-proxy-contract.ts'

export interface NftProxyOptions {
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly nodes: () => readonly ProxyNode[]
  /** An address of this namespace that is never a Pod's: what an endpoint sees that is its own client. */
  readonly masqueradeAs: string
  /** Prefix that enters the namespace; absent for a process that is inside. */
  readonly enter?: readonly string[]
}

/** A Service that needs every kind of rule there is. */
const sample: readonly Binding[] = [0, 60].map((affinitySeconds) => ({
  address: `192.0.2.${2 + affinitySeconds}`,
  port: 53,
  protocol: 'UDP',
  servicePort: `sample/s${affinitySeconds}:port`,
  endpoints: [3, 4].map((last) => ({ ip: `192.0.2.${last}`, port: 53, node: undefined })),
  whenEmpty: 'refuse',
  affinitySeconds,
}))

/** Whether packet rules can be made here: `nft` is there, and the kernel takes every kind of rule that is used. */
export const canUseNft = (enter: readonly string[] = []): Promise<boolean> =>
  tryCommand([...enter, 'nft', '--check', '-f', '-'], aloneScript(rulesOf(sample, []), '192.0.2.1'))

/** A table of its own with nothing but these rules, for trying them. */
const aloneScript = (wanted: Rules, masqueradeAs: string): string =>
  [...tableScript({ masqueradeAs }), ...planChanges({ known: nothingKnown(), wanted, zones: new Map(), nextZone: () => 1 }).lines, ''].join('\n')

/**
 * Rules of the kernel's, in one table. Each change is one transaction that names only what changes; while one runs, the next gathers.
 * They outlive the agent: the next one compares them with what it wants. Source addresses are kept.
 */
export const createNftProxy = (options: NftProxyOptions): ServiceProxy => new NftProxy(options)

const nft = (enter: readonly string[], lines: readonly string[]) => runCommand([...enter, 'nft', '-f', '-'], lines.join('\n') + '\n')

// One transaction of many thousand changes costs more than its parts.
const servicesAtOnce = 500

class NftProxy implements ServiceProxy {
  readonly name = 'nftables'
  readonly #options
  readonly #enter
  readonly #claims = new Claims()
  readonly #dirty = new Set<string>()
  readonly #rules = new Map<string, Rules>()
  /** How many Services have each endpoint. */
  readonly #hairpins = new Map<string, number>()
  #zones = new Map<string, number>()
  #lastZone = 0
  /** The kernel's table is as `#rules` say. */
  #agrees = false
  #running: Promise<void> | undefined
  #pauseMs = 0

  constructor(options: NftProxyOptions) {
    this.#options = options
    this.#enter = options.enter ?? []
  }

  apply(changes: ReadonlyMap<string, readonly Binding[]>): void {
    for (const [key, bindings] of changes) for (const affected of this.#claims.apply(key, bindings)) this.#dirty.add(affected)
    this.#wake()
  }

  settled(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      // What came after the last look.
      if (this.#dirty.size > 0 && !this.#options.signal.aborted) this.#wake()
    })
  }

  async #run(): Promise<void> {
    let suspects: readonly string[] = []
    do {
      let changing: readonly string[] = []
      try {
        if (this.#agrees) await this.#change((changing = this.#take()))
        else await this.#reconcile(suspects)
        suspects = []
        this.#pauseMs = 0
      } catch (error) {
        this.#agrees = false
        suspects = changing.length > 0 ? [...suspects, ...changing] : [...this.#rules.keys()]
        this.#pauseMs = Math.min(Math.max(500, this.#pauseMs * 2), 30_000)
        this.#options.log.warn({ error: (error as Error).message }, 'nft refused a change of the Service rules; comparing all of them again')
        await this.#options.clock.sleep(this.#pauseMs, this.#options.signal).catch(() => {})
      }
    } while ((this.#dirty.size > 0 || !this.#agrees) && !this.#options.signal.aborted)
  }

  #take(): readonly string[] {
    const keys = [...this.#dirty].slice(0, servicesAtOnce)
    for (const key of keys) this.#dirty.delete(key)
    return keys
  }

  /** The first change, and the first after a failure: against what the kernel really holds. An empty table is filled by changes. */
  async #reconcile(suspects: readonly string[]): Promise<void> {
    const kernel = await readKernel(this.#enter)
    this.#zones = new Map(kernel?.zones)
    this.#lastZone = Math.max(0, ...this.#zones.values())
    if (kernel) {
      for (const key of this.#dirty) this.#keep(key, this.#rulesOf(key))
      for (const key of [...suspects, ...this.#dirty]) if (suspects.length > 0) await this.#setAsideRefused(key)
      this.#dirty.clear()
      await this.#program({ known: kernel.known, wanted: merge([...this.#rules.values()]) })
    } else {
      await nft(this.#enter, tableScript(this.#options))
      this.#rules.clear()
      this.#hairpins.clear()
      for (const key of this.#claims.keys()) this.#dirty.add(key)
    }
    this.#agrees = true
  }

  /** One Service that nft does not take must not hold up the others: it stays without rules until it changes. */
  async #setAsideRefused(key: string): Promise<void> {
    const wanted = this.#rules.get(key)
    if (!wanted) return
    const script = aloneScript(wanted, this.#options.masqueradeAs)
    const refusal = await runCommand([...this.#enter, 'nft', '--check', '-f', '-'], script).then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (refusal === undefined) return
    this.#options.log.error({ service: key, error: refusal }, 'nft takes no rules of this Service; it does not answer')
    this.#keep(key, emptyRules())
  }

  async #change(keys: readonly string[]): Promise<void> {
    const before = merge(keys.map((key) => this.#rules.get(key) ?? emptyRules()))
    for (const key of keys) this.#keep(key, this.#rulesOf(key))
    const wanted = merge(keys.map((key) => this.#rules.get(key) ?? emptyRules()))
    for (const [key, count] of this.#heldElsewhere(keys, [before, wanted]))
      if (count > 0) for (const rules of [before, wanted]) rules.elements.hairpin.delete(key)
    await this.#program({ known: knownOf(before), wanted })
  }

  async #program({ known, wanted }: { known: Known; wanted: Rules }): Promise<void> {
    const nextZone = () => (this.#lastZone = (this.#lastZone % 65_534) + 1)
    const { lines, zones } = planChanges({ known, wanted, zones: this.#zones, nextZone })
    if (lines.length > 0) await nft(this.#enter, lines)
    for (const [key, zone] of zones) {
      if (zone === undefined) this.#zones.delete(key)
      else this.#zones.set(key, zone)
    }
  }

  #rulesOf(key: string): Rules {
    return rulesOf(this.#claims.won(key), this.#options.nodes())
  }

  #keep(key: string, rules: Rules): void {
    const count = (each: Rules | undefined, by: number) => {
      for (const element of each?.elements.hairpin.keys() ?? []) {
        const next = (this.#hairpins.get(element) ?? 0) + by
        if (next > 0) this.#hairpins.set(element, next)
        else this.#hairpins.delete(element)
      }
    }
    count(this.#rules.get(key), -1)
    count(rules, 1)
    if (rules.elements.services.size + rules.elements.refused.size > 0) this.#rules.set(key, rules)
    else this.#rules.delete(key)
  }

  /** For each endpoint of the changing Services: how many others have it. */
  #heldElsewhere(keys: readonly string[], changing: readonly Rules[]): ReadonlyMap<string, number> {
    const elements = new Set(changing.flatMap((rules) => [...rules.elements.hairpin.keys()]))
    const own = (element: string) => keys.filter((key) => this.#rules.get(key)?.elements.hairpin.has(element)).length
    return new Map([...elements].map((element) => [element, (this.#hairpins.get(element) ?? 0) - own(element)]))
  }
}

const merge = (all: readonly Rules[]): Rules => {
  const result = emptyRules()
  for (const { elements, chains, affinities, udp } of all) {
    for (const name of ['services', 'refused', 'hairpin'] as const) for (const [key, value] of elements[name]) result.elements[name].set(key, value)
    for (const [name, lines] of chains) result.chains.set(name, lines)
    for (const [name, seconds] of affinities) result.affinities.set(name, seconds)
    for (const [key, value] of udp) result.udp.set(key, value)
  }
  return result
}

/** Removes every rule, for a proxy of another kind that takes over. */
export const removeNftRules = (enter: readonly string[] = []): Promise<boolean> => tryCommand([...enter, 'nft', 'delete', 'table', 'ip', serviceTable])
