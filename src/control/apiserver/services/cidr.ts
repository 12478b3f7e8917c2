/** An IPv4 range. */
export interface Cidr {
  readonly base: number
  readonly size: number
  /** Every address that a Service may have: not the first (the network) and not the last. */
  addresses(): Iterable<string>
}

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
const toText = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
const isAddress = (text: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256)

export function parseCidr(text: string): Cidr {
  const [address = '', bits = ''] = text.split('/')
  const prefix = Number(bits)
  if (!isAddress(address) || !(prefix >= 8 && prefix <= 30)) throw new Error(`not an IPv4 range: ${text}`)
  const size = 2 ** (32 - prefix)
  const base = Math.floor(toNumber(address) / size) * size
  return {
    base,
    size,
    *addresses() {
      for (let offset = 1; offset < size - 1; offset++) yield toText(base + offset)
    },
  }
}

/** The address `index` places after the network's own. */
export const addressAt = ({ base }: Cidr, index: number): string => toText(base + index)

export const contains = ({ base, size }: Cidr, address: string): boolean => {
  if (!isAddress(address)) return false
  const offset = toNumber(address) - base
  return offset > 0 && offset < size - 1
}

/** At random, above the band that upstream keeps free for addresses that are asked for (16 to 256 of them). */
export function pickAddress(cidr: Cidr): string {
  const reserved = Math.min(Math.max(16, Math.floor(cidr.size / 16)), 256)
  const first = reserved < cidr.size - 2 ? reserved + 1 : 1
  return addressAt(cidr, first + Math.floor(Math.random() * (cidr.size - 1 - first)))
}
