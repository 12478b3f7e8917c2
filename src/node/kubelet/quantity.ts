const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A quantity the API has accepted, as a number of its base unit. */
export const parseQuantity = (text: string): number => {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkKMGTPE]?i?)$/.exec(String(text).trim())
  if (!match) throw new Error(`unable to parse quantity "${text}"`)
  const value = Number(match[1]) * (factors[match[2] ?? ''] ?? Number.NaN)
  if (Number.isNaN(value)) throw new Error(`unable to parse quantity "${text}"`)
  return value
}

/** Exact to a thousandth: cpu sums would otherwise carry binary fractions. */
export const milli = (text: string | undefined): number => (text === undefined ? 0 : Math.ceil(parseQuantity(text) * 1000 - 1e-6))
