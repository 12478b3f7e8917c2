/** An IPv4 prefix as numbers. `size` is the count of its addresses. */
export interface Cidr {
  readonly base: number
  readonly prefix: number
  readonly size: number
}

export const isIPv4 = (text: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((octet) => Number(octet) < 256)

/** Throws for anything but dotted decimal IPv4. */
export const ipToNumber = (ip: string): number => {
  if (!isIPv4(ip)) throw new Error(`${JSON.stringify(ip)} is not an IPv4 address`)
  return ip.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
}

export const numberToIp = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')

/** Reads `10.0.0.0/8`; an address alone is a /32. Host bits are cleared. */
export const parseCidr = (text: string): Cidr => {
  const [ip, length] = text.split('/')
  const prefix = length === undefined ? 32 : Number(length)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > 32) throw new Error(`${JSON.stringify(text)} is not an IPv4 range`)
  const size = 2 ** (32 - prefix)
  const address = ipToNumber(ip ?? '')
  return { base: address - (address % size), prefix, size }
}

export const overlaps = (a: Cidr, b: Cidr): boolean => a.base < b.base + b.size && b.base < a.base + a.size

export const containsIp = (range: Cidr, ip: string): boolean => isIPv4(ip) && overlaps(range, parseCidr(ip))

/** The `index`-th address of the range; negative counts from its end. */
export const addressAt = (range: Cidr, index: number): string => numberToIp(range.base + (index < 0 ? range.size + index : index))
