/** A connection's own headers, which end at a proxy (RFC 9110, 7.6.1), in lower case. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Said by the gateway itself about each request; what a client claims is not passed on. */
const forwarded = new Set([
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-scheme',
  'x-real-ip',
  'x-request-id',
])

/** Headers as on the wire: name, value, name, value; order, case and repetitions kept. */
export type RawHeaders = readonly string[]

export interface Arrival {
  readonly rawHeaders: RawHeaders
  readonly scheme: 'http' | 'https'
  readonly remoteAddress: string
  readonly requestId: string
}

/** The headers sent on to an endpoint. */
export const upstreamHeaders = ({ rawHeaders, scheme, remoteAddress, requestId }: Arrival): string[] => {
  const claimed = headerValue(rawHeaders, 'x-forwarded-for')
  const host = headerValue(rawHeaders, 'host') ?? ''
  // `expect` has been answered by the gateway.
  const headers = endToEnd(rawHeaders, (name) => !forwarded.has(name) && name !== 'expect' && name !== 'x-original-forwarded-for')
  headers.push('X-Request-ID', requestId, 'X-Real-IP', remoteAddress, 'X-Forwarded-For', remoteAddress, 'X-Forwarded-Host', host)
  headers.push('X-Forwarded-Port', portOf(host, scheme), 'X-Forwarded-Proto', scheme, 'X-Forwarded-Scheme', scheme, 'X-Scheme', scheme)
  if (claimed !== undefined) headers.push('X-Original-Forwarded-For', claimed)
  return headers
}

/** The headers of an endpoint's answer that reach the client. */
export const downstreamHeaders = (rawHeaders: RawHeaders): string[] => endToEnd(rawHeaders, () => true)

export const headerValue = (rawHeaders: RawHeaders, name: string): string | undefined => {
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1]
  return undefined
}

/** As `http.request` takes them; what comes twice becomes a list. */
export const headersObject = (rawHeaders: RawHeaders): Record<string, string | string[]> => {
  const headers: Record<string, string | string[]> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!]
    const earlier = headers[name]
    headers[name] = earlier === undefined ? value : [earlier, value].flat()
  }
  return headers
}

export const pairsOf = (raw: RawHeaders): [string, string][] => raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]!] as [string, string]] : []))

const endToEnd = (rawHeaders: RawHeaders, keep: (name: string) => boolean): string[] => {
  const named = connectionOptions(rawHeaders)
  const kept: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!hopByHop.has(name) && !named.includes(name) && keep(name)) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  return kept
}

/** The headers that `Connection` names end here too. */
const connectionOptions = (rawHeaders: RawHeaders): readonly string[] =>
  (headerValue(rawHeaders, 'connection') ?? '').split(',').map((option) => option.trim().toLowerCase())

const portOf = (host: string, scheme: Arrival['scheme']): string => /:(\d+)$/.exec(host)?.[1] ?? (scheme === 'https' ? '443' : '80')
