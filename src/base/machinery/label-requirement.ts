import { labelValueFaults, qualifiedNameFaults } from './label-syntax.ts'

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<'

export type Labels = Readonly<Record<string, string>>

/** One condition on one label; a selector is the conjunction of several. */
export interface LabelRequirement {
  readonly key: string
  readonly operator: LabelOperator
  readonly values: readonly string[]
}

/** A selector that cannot be read; the text is upstream's. */
export class SelectorError extends Error {
  override name = 'SelectorError'
}

const integer = /^[+-]?[0-9]+$/

/** Throws SelectorError where upstream's NewRequirement refuses. */
export function createRequirement(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
  const faults = qualifiedNameFaults(key)
  if (faults.length) throw new SelectorError(`key: Invalid value: ${JSON.stringify(key)}: ${faults.join('; ')}`)
  if ((operator === 'in' || operator === 'notin') && values.length === 0)
    throw new SelectorError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
  if ((operator === 'exists' || operator === '!') && values.length > 0) {
    throw new SelectorError(
      `values: Invalid value: [${values.map((value) => JSON.stringify(value)).join(',')}]: values set must be empty for exists and does not exist`,
    )
  }
  values.forEach((value, index) => checkValue({ key, operator, value, index }))
  return { key, operator, values }
}

function checkValue({ key, operator, value, index }: { key: string; operator: LabelOperator; value: string; index: number }): void {
  if ((operator === '>' || operator === '<') && !integer.test(value)) {
    throw new SelectorError(`values[${index}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`)
  }
  const faults = labelValueFaults(value)
  if (faults.length) throw new SelectorError(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${faults.join('; ')}`)
}

export function matchesRequirement({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value)
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case '>':
      return isInteger(value) && BigInt(value) > BigInt(values[0] ?? 0)
    case '<':
      return isInteger(value) && BigInt(value) < BigInt(values[0] ?? 0)
  }
}

const isInteger = (value: string | undefined): value is string => value !== undefined && integer.test(value)

export function requirementText({ key, operator, values }: LabelRequirement): string {
  if (operator === 'exists') return key
  if (operator === '!') return `!${key}`
  if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${[...values].sort().join(',')})`
  return `${key}${operator}${values[0] ?? ''}`
}
