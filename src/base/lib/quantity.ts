// Kubernetes quantities (k8s.io/apimachinery/pkg/api/resource): exact to a nano, written in upstream's canonical form.

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

/** `nano`: the amount in billionths. The format decides only how it is written. */
export interface Quantity {
  readonly nano: bigint
  readonly format: QuantityFormat
}

/** The text is upstream's, so it may be shown to clients as it is. */
export class QuantityError extends Error {
  override name = 'QuantityError'
}

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const pattern = /^([+-]?)([0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/
const decimalExponents: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const decimalSuffixes = new Map(Object.entries(decimalExponents).map(([suffix, exponent]) => [exponent, suffix]))
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const nanos = 1_000_000_000n
const largest = (2n ** 63n - 1n) * nanos

export function parseQuantity(input: string | number): Quantity {
  const match = pattern.exec(typeof input === 'number' ? String(input) : input.trim())
  if (!match) throw new QuantityError(wrongFormat)
  const [, sign, number = '', suffix = ''] = match
  const { base, exponent, format } = parseSuffix(suffix)
  const { digits, decimals } = parseNumber(number)
  const amount = base === 2 ? roundUp(digits * 2n ** BigInt(exponent), decimals - 9) : roundUp(digits, decimals - exponent - 9)
  const capped = amount > largest ? largest : amount
  return { nano: sign === '-' ? -capped : capped, format: format === 'BinarySI' && capped < nanos ? 'DecimalSI' : format }
}

function parseSuffix(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  const decimal = decimalExponents[suffix]
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' }
  const binary = binarySuffixes.indexOf(suffix)
  if (binary > 0) return { base: 2, exponent: binary * 10, format: 'BinarySI' }
  const exponent = /^[eE]([+-]?[0-9]+)$/.exec(suffix)?.[1]
  // Beyond a hundred digits the amount is capped or rounded anyway; the bound keeps hostile exponents cheap.
  if (exponent !== undefined) return { base: 10, exponent: Math.max(-100, Math.min(100, Number(exponent))), format: 'DecimalExponent' }
  throw new QuantityError("unable to parse quantity's suffix")
}

function parseNumber(number: string): { digits: bigint; decimals: number } {
  const [whole = '', fraction = '', ...more] = number.split('.')
  if (more.length > 0 || whole.length + fraction.length === 0 || number.length > 1000) throw new QuantityError('unable to parse numeric part of quantity')
  return { digits: BigInt(whole + fraction), decimals: fraction.length }
}

/** digits / 10^places, away from zero, as upstream keeps a nano of anything that is not nothing. */
function roundUp(digits: bigint, places: number): bigint {
  if (places <= 0) return digits * 10n ** BigInt(-places)
  const divisor = 10n ** BigInt(places)
  return (digits + divisor - 1n) / divisor
}

export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0'
  const amount = nano < 0n ? -nano : nano
  const sign = nano < 0n ? '-' : ''
  if (format === 'BinarySI' && amount >= 1024n * nanos && amount % nanos === 0n) return sign + formatBinary(amount / nanos)
  return sign + formatDecimal(amount, format === 'DecimalExponent')
}

function formatBinary(amount: bigint): string {
  let power = 0
  while (amount % 1024n === 0n && power < binarySuffixes.length - 1) {
    amount /= 1024n
    power++
  }
  return `${amount}${binarySuffixes[power]}`
}

function formatDecimal(amount: bigint, asExponent: boolean): string {
  let exponent = -9
  while (amount % 1000n === 0n && exponent < 18) {
    amount /= 1000n
    exponent += 3
  }
  if (asExponent) return exponent === 0 ? `${amount}` : `${amount}e${exponent}`
  return `${amount}${decimalSuffixes.get(exponent) ?? ''}`
}

const alreadyCanonical = /^(?:0|[1-9][0-9]{0,2}(?:[numkMGTP]|[KMGTP]i)?)$/

/** The form upstream serialises: `0.5` → `500m`, `1024Mi` → `1Gi`, `1000` → `1k`. Throws QuantityError. */
export function canonicalQuantity(input: string | number): string {
  if (typeof input === 'string' && alreadyCanonical.test(input)) return input
  return formatQuantity(parseQuantity(input))
}

/** Negative, zero or positive, as for sort. */
export function compareQuantities(a: string, b: string): number {
  const [left, right] = [parseQuantity(a).nano, parseQuantity(b).nano]
  return left < right ? -1 : left > right ? 1 : 0
}

/** Written in the first one's format, unless that is zero. */
export const addQuantities = (a: string, b: string): string => combine(a, b, (left, right) => left + right)

export const subtractQuantities = (a: string, b: string): string => combine(a, b, (left, right) => left - right)

function combine(a: string, b: string, operation: (left: bigint, right: bigint) => bigint): string {
  const [left, right] = [parseQuantity(a), parseQuantity(b)]
  return formatQuantity({ nano: operation(left.nano, right.nano), format: left.nano === 0n ? right.format : left.format })
}

const simple = /^([0-9]{1,9})([numkMGTPE]|[KMGTPE]i)?$/
const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
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

/** As a float: `1500m` → 1.5. */
export function quantityToNumber(input: string | number): number {
  if (typeof input === 'number') return input
  const match = simple.exec(input)
  if (match) return match[2] === undefined ? Number(match[1]) : match[2] === 'm' ? Number(match[1]) / 1000 : Number(match[1]) * (factors[match[2]] ?? 1)
  return Number(parseQuantity(input).nano) / 1e9
}

/** Whole units, rounded up (upstream's Value()): bytes of memory, number of Pods. */
export function quantityToInteger(input: string | number): number {
  const match = typeof input === 'string' ? simple.exec(input) : undefined
  const factor = match && (match[2] === undefined ? 1 : factors[match[2]])
  if (match && factor && factor >= 1) return Number(match[1]) * factor
  return Number(ceilDivide(parseQuantity(input).nano, nanos))
}

/** Whole thousandths, rounded up (upstream's MilliValue()): CPU. */
export function quantityToMilli(input: string | number): number {
  if (typeof input === 'string') {
    const match = simple.exec(input)
    if (match && match[2] === 'm') return Number(match[1])
    if (match && match[2] === undefined) return Number(match[1]) * 1000
  }
  return Number(ceilDivide(parseQuantity(input).nano, 1_000_000n))
}

const ceilDivide = (value: bigint, by: bigint): bigint => (value > 0n ? (value + by - 1n) / by : value / by)

export const quantityFromMilli = (milli: number, format: QuantityFormat = 'DecimalSI'): string =>
  formatQuantity({ nano: BigInt(Math.round(milli)) * 1_000_000n, format })

export const quantityFromInteger = (value: number, format: QuantityFormat = 'DecimalSI'): string =>
  formatQuantity({ nano: BigInt(Math.round(value)) * nanos, format })

/** Whether the text is a quantity at all. */
export function isQuantity(text: string): boolean {
  if (alreadyCanonical.test(text)) return true
  try {
    parseQuantity(text)
    return true
  } catch {
    return false
  }
}
