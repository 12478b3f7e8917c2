import { addressAt, type Cidr, containsIp, ipToNumber } from '../../../base/lib/cidr.ts'

/** Every address that a Service may have: not the first (the network) and not the last. */
export function* serviceAddresses(range: Cidr): Iterable<string> {
  for (let index = 1; index < range.size - 1; index++) yield addressAt(range, index)
}

export const isServiceAddress = (range: Cidr, address: string): boolean =>
  containsIp(range, address) && ![range.base, range.base + range.size - 1].includes(ipToNumber(address))

/** At random, above the band that upstream keeps free for addresses that are asked for (16 to 256 of them). */
export function pickAddress(range: Cidr): string {
  const reserved = Math.min(Math.max(16, Math.floor(range.size / 16)), 256)
  const first = reserved < range.size - 2 ? reserved + 1 : 1
  return addressAt(range, first + Math.floor(Math.random() * (range.size - 1 - first)))
}
