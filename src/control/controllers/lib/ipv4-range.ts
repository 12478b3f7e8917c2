/** A range of IPv4 addresses, such as `10.42.0.0/16`. Addresses are numbers here. */
export interface Ipv4Range {
  readonly first: number
  readonly size: number
}

export const parseIpv4 = (text: string): number | undefined => {
  const parts = text.split('.').map(Number)
  const isAddress = parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)
  return isAddress ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined
}

export const formatIpv4 = (address: number): string => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')

/** Throws where `cidr` is not an IPv4 range. */
export const parseIpv4Range = (cidr: string): Ipv4Range => {
  const [address = '', bits = ''] = cidr.split('/')
  const start = parseIpv4(address)
  const prefix = Number(bits)
  if (start === undefined || bits === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > 32) throw new Error(`${cidr} is not an IPv4 range`)
  const size = 2 ** (32 - prefix)
  return { first: Math.floor(start / size) * size, size }
}

export const isInRange = ({ first, size }: Ipv4Range, address: number | undefined): boolean =>
  address !== undefined && address >= first && address < first + size
