// Label and field selectors, as clients write them and as objects hold them.
import type { LabelSelector } from '../api/generated/types.ts'
import {
  createRequirement,
  matchesRequirement,
  requirementText,
  SelectorError,
  type LabelOperator,
  type LabelRequirement,
  type Labels,
} from './label-requirement.ts'
import { parseRequirements } from './label-selector-parser.ts'

export { SelectorError, type LabelRequirement, type Labels } from './label-requirement.ts'

export interface Selector {
  readonly requirements: readonly LabelRequirement[]
  /** Selects whatever has these labels; no labels at all count as none. */
  matches(labels: Labels | undefined): boolean
  /** The string form: what a `labelSelector` query or `status.selector` carries. */
  toString(): string
}

const none: Labels = Object.freeze({})

export const selectorOf = (requirements: readonly LabelRequirement[]): Selector => ({
  requirements,
  matches: (labels = none) => requirements.every((requirement) => matchesRequirement(requirement, labels)),
  toString: () => requirements.map(requirementText).join(','),
})

export const everything: Selector = selectorOf([])
export const nothing: Selector = { requirements: [], matches: () => false, toString: () => '' }

/** `a=b,c in (d,e),!f`. The empty string selects everything. Throws SelectorError with upstream's text. */
export const parseLabelSelector = (text: string): Selector => selectorOf(parseRequirements(text))

const operators: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' }

/** An object's selector: absent selects nothing, empty everything. Throws SelectorError. */
export function labelSelectorFrom(selector: LabelSelector | undefined | null): Selector {
  if (!selector) return nothing
  const pairs = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => createRequirement(key, '=', [value]))
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }) => {
    const known = operators[operator]
    if (!known) throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`)
    return createRequirement(key, known, values ?? [])
  })
  return selectorOf([...pairs, ...expressions].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)))
}

/** A plain map, as Services and ReplicationControllers have it: absent or empty selects everything. */
export const selectorFromMap = (labels: Labels | undefined): Selector =>
  selectorOf(
    Object.entries(labels ?? {})
      .sort()
      .map(([key, value]) => ({ key, operator: '=', values: [value] })),
  )

export const matchesLabelSelector = (selector: LabelSelector | undefined | null, labels: Labels | undefined): boolean =>
  labelSelectorFrom(selector).matches(labels)

export interface FieldRequirement {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/** `metadata.name=a,status.phase!=Running`; `\,`, `\=` and `\\` stand for themselves. Throws SelectorError. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^((?:[^\\=!]|\\.|!(?!=))*?)(!=|==|=)(.*)$/s.exec(term)
      if (!match) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`)
      const [, field = '', operator, value = ''] = match
      return { field, operator: operator === '!=' ? '!=' : '=', value: unescape(value) }
    })
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === ',') {
      terms.push(text.slice(start, at))
      start = at + 1
    }
  }
  return [...terms, text.slice(start)]
}

function unescape(value: string): string {
  let out = ''
  for (let at = 0; at < value.length; at++) {
    const char = value[at]!
    const next = value[at + 1]
    if (char === '\\') {
      if (next === undefined || !'\\,='.includes(next)) throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next ?? ''}`)
      out += next
      at++
    } else if (char === '=') throw new SelectorError('invalid field selector: unescaped special character in value: =')
    else out += char
  }
  return out
}
