import { isIP } from 'node:net'

/** Public domains whose names hold the address they stand for; answered here, they also work without a network. */
export const wildcardDomains = ['nip.io', 'sslip.io'] as const

const octet = '(\\d{1,3})'
const dotted = `${octet}\\.${octet}\\.${octet}\\.${octet}`
const dashed = `${octet}-${octet}-${octet}-${octet}`

/** nip.io reads what stands before its domain, sslip.io also what stands further left. */
const forms = {
  'nip.io': [new RegExp(`(?:^|[.-])(?:${dotted}|${dashed})$`), /(?:^|[.-])([0-9a-f]{8})$/],
  'sslip.io': [new RegExp(`(?:^|[.-])(?:${dotted})(?:$|[.-])`), new RegExp(`(?:^|[.-])(?:${dashed})(?:$|[.-])`), /(?:^|\.)([0-9a-f]{8})(?:$|\.)/],
} as const

/** The address in `app.10.0.0.1.nip.io`, `10-0-0-1.sslip.io` or `app-0a000001.nip.io`, with its domain; undefined for every other name. */
export const addressInName = (name: string): { readonly ip: string; readonly domain: string } | undefined => {
  const domain = wildcardDomains.find((each) => name.endsWith(`.${each}`))
  if (!domain) return undefined
  const labels = name.slice(0, -domain.length - 1)
  for (const form of forms[domain]) {
    const parts = form
      .exec(labels)
      ?.slice(1)
      .filter((part) => part !== undefined)
    const ip = parts && (parts.length === 1 ? parts[0]!.match(/../g)!.map((pair) => parseInt(pair, 16)) : parts.map(Number)).join('.')
    if (ip && isIP(ip) === 4) return { ip, domain }
  }
  return undefined
}
