/** A count, or a percentage of `total`, rounded up or down. */
export const resolveIntOrPercent = (value: string | number | undefined, total: number, round: 'up' | 'down'): number => {
  if (typeof value === 'number' || value === undefined) return value ?? 0
  const share = (Number.parseInt(value, 10) * total) / 100
  return round === 'up' ? Math.ceil(share) : Math.floor(share)
}
