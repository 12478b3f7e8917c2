// The grammar of label selector strings, as k8s.io/apimachinery/pkg/labels reads it.
import { createRequirement, SelectorError, type LabelOperator, type LabelRequirement } from './label-requirement.ts'
import { qualifiedNameFaults } from './label-syntax.ts'

type TokenKind = 'identifier' | 'operator' | '(' | ')' | ',' | '!' | 'end'

interface Token {
  readonly kind: TokenKind
  readonly text: string
}

const symbols = ['==', '!=', '=', '!', '(', ')', ',', '>', '<']
const special = /[=!(),><]/

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    if (/\s/.test(text[at]!)) at++
    else {
      const token = readToken(text, at)
      tokens.push(token)
      at += token.text.length
    }
  }
  return [...tokens, { kind: 'end', text: '' }]
}

function readToken(text: string, at: number): Token {
  const symbol = symbols.find((candidate) => text.startsWith(candidate, at))
  if (symbol) return { kind: /^[(),!]$/.test(symbol) ? (symbol as TokenKind) : 'operator', text: symbol }
  let end = at
  while (end < text.length && !special.test(text[end]!) && !/\s/.test(text[end]!)) end++
  return { kind: 'identifier', text: text.slice(at, end) }
}

/** Sorted by key, as upstream has them. Throws SelectorError. */
export function parseRequirements(text: string): LabelRequirement[] {
  const reader = new TokenReader(tokenize(text))
  const requirements: LabelRequirement[] = []
  while (reader.next.kind !== 'end') {
    if (reader.next.kind !== 'identifier' && reader.next.kind !== '!')
      throw new SelectorError(`found '${reader.next.text}', expected: !, identifier, or 'end of string'`)
    requirements.push(parseRequirement(reader))
    const after = reader.take()
    if (after.kind === 'end') break
    if (after.kind !== ',') throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`)
    if (reader.next.kind !== 'identifier' && reader.next.kind !== '!') throw new SelectorError(`found '${reader.next.text}', expected: identifier after ','`)
  }
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

class TokenReader {
  private at = 0
  private readonly tokens: readonly Token[]

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens
  }

  get next(): Token {
    return this.tokens[this.at] ?? { kind: 'end', text: '' }
  }

  take(): Token {
    const token = this.next
    this.at++
    return token
  }
}

function parseRequirement(reader: TokenReader): LabelRequirement {
  try {
    const negated = reader.next.kind === '!' ? reader.take() : undefined
    const key = reader.take()
    if (key.kind !== 'identifier') throw new SelectorError(`found '${key.text}', expected: identifier`)
    const faults = qualifiedNameFaults(key.text)
    if (faults.length) throw new SelectorError(`<nil>: Invalid value: ${JSON.stringify(key.text)}: ${faults.join('; ')}`)
    if (negated) return createRequirement(key.text, '!', [])
    if (reader.next.kind === 'end' || reader.next.kind === ',') return createRequirement(key.text, 'exists', [])
    const operator = parseOperator(reader.take())
    return createRequirement(key.text, operator, operator === 'in' || operator === 'notin' ? parseValues(reader) : [parseExactValue(reader)])
  } catch (error) {
    throw error instanceof SelectorError ? new SelectorError(`unable to parse requirement: ${error.message}`) : error
  }
}

function parseOperator({ kind, text }: Token): LabelOperator {
  if ((kind === 'identifier' && (text === 'in' || text === 'notin')) || kind === 'operator') return text as LabelOperator
  throw new SelectorError(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`)
}

function parseExactValue(reader: TokenReader): string {
  if (reader.next.kind === 'end' || reader.next.kind === ',') return ''
  const value = reader.take()
  if (value.kind !== 'identifier') throw new SelectorError(`found '${value.text}', expected: identifier`)
  return value.text
}

function parseValues(reader: TokenReader): string[] {
  const open = reader.take()
  if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`)
  if (reader.next.kind === ')') {
    reader.take()
    return []
  }
  const values = new Set<string>()
  let expectsValue = true
  for (;;) {
    const token = reader.take()
    if (token.kind === 'identifier' && expectsValue) values.add(token.text)
    else if (token.kind === ',' || token.kind === ')') {
      if (expectsValue) values.add('')
    } else throw new SelectorError(`found '${token.text}', expected: ',', or ')'`)
    if (token.kind === ')') return [...values]
    expectsValue = token.kind === ','
  }
}
