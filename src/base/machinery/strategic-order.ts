// Where the elements of a merged list go when the patch carries `$setElementOrder`.

export interface Ordering {
  readonly items: readonly unknown[]
  /** The directive: the values of a primitive list, or maps that hold the merge key. */
  readonly order: readonly unknown[]
  /** The list as it was on the server. */
  readonly before: readonly unknown[]
  readonly mergeKey: string | undefined
}

/**
 * The elements that the directive names stand in its order; those it does not name (the server's own) keep their place relative to what surrounded them.
 * With before = [a, own, c], order = [c, b, a]: [own, c, b, a]: `own` stood in front of `c`.
 */
export function inDirectedOrder({ items, order, before, mergeKey }: Ordering): unknown[] {
  const identify = (item: unknown): unknown => (mergeKey === undefined ? item : (item as Record<string, unknown> | null)?.[mergeKey])
  const directed = placesOf(order, identify)
  const served = placesOf(before, identify)
  const place = (places: ReadonlyMap<unknown, number>, item: unknown) => places.get(identify(item)) ?? -1
  const named = items.filter((item) => place(directed, item) >= 0).sort((a, b) => place(directed, a) - place(directed, b))
  const own = items.filter((item) => place(directed, item) < 0).sort((a, b) => place(served, a) - place(served, b))
  return interleave(own, named, (left, right) => place(served, left) >= 0 && place(served, right) >= 0 && place(served, left) < place(served, right))
}

const placesOf = (list: readonly unknown[], identify: (item: unknown) => unknown): ReadonlyMap<unknown, number> =>
  new Map(list.map((item, index) => [identify(item), index]))

function interleave(own: readonly unknown[], named: readonly unknown[], isBefore: (left: unknown, right: unknown) => boolean): unknown[] {
  const out: unknown[] = []
  let [i, j] = [0, 0]
  while (i < own.length && j < named.length) out.push(isBefore(own[i], named[j]) ? own[i++] : named[j++])
  return [...out, ...own.slice(i), ...named.slice(j)]
}
