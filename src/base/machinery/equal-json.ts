export interface EqualJsonOptions {
  /** A field that is null is as good as none too. */
  readonly nullIsAbsent?: boolean
}

/** Whether two values are the same as JSON: a field that is undefined is as good as none, and the order of fields does not matter. */
export function equalJson(a: unknown, b: unknown, options: EqualJsonOptions = {}): boolean {
  if (a === b) return true
  const [left, right] = options.nullIsAbsent ? [a ?? undefined, b ?? undefined] : [a, b]
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return left === right
  if (Array.isArray(left) || Array.isArray(right)) {
    return Array.isArray(left) && Array.isArray(right) && left.length === right.length && left.every((item, i) => equalJson(item, right[i], options))
  }
  return equalFields(left as Record<string, unknown>, right as Record<string, unknown>, options)
}

function equalFields(left: Record<string, unknown>, right: Record<string, unknown>, options: EqualJsonOptions): boolean {
  for (const key in left) if (!equalJson(left[key], own(right, key), options)) return false
  for (const key in right) if (!Object.hasOwn(left, key) && !equalJson(undefined, right[key], options)) return false
  return true
}

const own = (object: Record<string, unknown>, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined)
