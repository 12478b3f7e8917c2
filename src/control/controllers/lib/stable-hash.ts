// No vowels and no look-alikes, as upstream, so that no hash spells a word.
const safeAlphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** JSON with sorted keys, without absent fields: the same text for the same value. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_name, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )

/** A short name for `value` in the alphabet of Kubernetes' generated names: FNV-1a of its canonical JSON, at most ten characters. */
export const stableHash = (value: unknown): string => {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(canonicalJson(value))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return [...String(hash)].map((digit) => safeAlphabet[digit.charCodeAt(0) % safeAlphabet.length]).join('')
}
