import { runCommand } from '../ip-command.ts'
import { formatChain, nothingKnown, serviceTable, type Known } from './nft-script.ts'

export interface KernelState {
  readonly known: Known
  readonly zones: ReadonlyMap<string, number>
}

interface Listing {
  readonly nftables: readonly {
    readonly chain?: { readonly name: string }
    readonly rule?: { readonly chain: string; readonly comment?: string }
    readonly set?: { readonly name: string; readonly elem?: readonly unknown[] }
    readonly map?: { readonly name: string; readonly elem?: readonly (readonly [unknown, unknown])[] }
  }[]
}

type Verdict = { readonly goto: { readonly target: string } } | { readonly drop: null }

/** What an earlier proxy left; undefined where there is no table, or one of another form. */
export const readKernel = async (enter: readonly string[]): Promise<KernelState | undefined> => {
  const text = await runCommand([...enter, 'nft', '-j', 'list', 'table', 'ip', serviceTable]).catch((error: Error) => {
    if (error.message.includes('No such file or directory')) return undefined
    throw error
  })
  return text === undefined ? undefined : parseListing(JSON.parse(text) as Listing)
}

export const parseListing = ({ nftables }: Listing): KernelState | undefined => {
  const known = nothingKnown()
  const zones = new Map<string, number>()
  let isOurs = false
  for (const { chain, rule, set, map } of nftables) {
    if (chain?.name === formatChain) isOurs = true
    else if (chain?.name.includes('/')) known.chains.set(chain.name, known.chains.get(chain.name) ?? '')
    if (rule?.comment && rule.chain.includes('/')) known.chains.set(rule.chain, rule.comment)
    if (set?.name === 'hairpin') for (const key of set.elem ?? []) known.elements.hairpin.set(keyText(key), '')
    else if (set) known.affinities.add(set.name)
    for (const [key, value] of map?.elem ?? []) {
      if (map!.name === 'zones') zones.set(keyText(key), value as number)
      else if (map!.name === 'services' || map!.name === 'refused') known.elements[map!.name].set(keyText(key), verdictText(value as Verdict))
    }
  }
  for (const key of zones.keys()) known.udp.set(key, undefined)
  return isOurs ? { known, zones } : undefined
}

const keyText = (key: unknown): string => (key as { concat: readonly (string | number)[] }).concat.join(' . ')
const verdictText = (verdict: Verdict): string => ('goto' in verdict ? `goto ${verdict.goto.target}` : 'drop')
