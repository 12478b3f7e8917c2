/** Equal as API objects: key order does not count, and an absent field equals null, an empty list or an empty map. */
export const semanticEqual = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b)
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b))
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => sameItem(item, b[index]))
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((name) => semanticEqual(left[name], right[name]))
}

const sameItem = (a: unknown, b: unknown) => semanticEqual(a, b)

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.values(value).every((inner) => inner === undefined || inner === null))

/** Without the fields that are absent or 0, as the API leaves counters out. */
export const withoutZeros = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined && inner !== 0)) as T
