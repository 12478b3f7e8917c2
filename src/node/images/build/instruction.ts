import type { Instruction, JSONInstruction, ModifiableInstruction } from 'dockerfile-ast'

export class DockerfileError extends Error {
  override readonly name = 'DockerfileError'
}

export const keyword = (instruction: Instruction) => instruction.getKeyword().toUpperCase()
export const lineOf = (instruction: Instruction) => instruction.getRange().start.line + 1

export function fail(instruction: Instruction, why: string): never {
  throw new DockerfileError(`line ${lineOf(instruction)}: ${why}`)
}

/** The instruction on one line, as it is shown. */
export const textOf = (instruction: Instruction) => {
  const text = instruction.getTextContent()
  return /<<-?["']?\w/.test(text) ? text.split('\n')[0]!.trim() : oneLine(text).trim()
}

/** Flags by name; one that is not known here fails. */
export function flagsOf(instruction: Instruction, known: readonly string[]): Map<string, string[]> {
  const flags = new Map<string, string[]>()
  for (const flag of (instruction as ModifiableInstruction).getFlags()) {
    const name = flag.getName()
    if (!known.includes(name)) fail(instruction, `${keyword(instruction)} --${name} is not supported`)
    flags.set(name, [...(flags.get(name) ?? []), flag.getValue() ?? ''])
  }
  return flags
}

/** The exec form is a JSON list; all else is a line for the shell, whose variables are the shell's own. */
export function commandWords(instruction: Instruction, shell: readonly string[]): string[] {
  const raw = (instruction as JSONInstruction).getRawArgumentsContent()?.trim() ?? ''
  return jsonWords(raw) ?? [...shell, oneLine(raw)]
}

export function jsonWords(raw: string): string[] | undefined {
  if (!raw.startsWith('[')) return undefined
  try {
    const list = JSON.parse(raw.replace(/\\\r?\n/g, '')) as unknown
    return Array.isArray(list) && list.every((word) => typeof word === 'string') ? list : undefined
  } catch {
    // Not JSON: Docker takes it for a line for the shell as well.
    return undefined
  }
}

/** Continued lines are joined; comments and empty lines between them go. */
export function oneLine(raw: string): string {
  const lines = raw.split(/\r?\n/)
  return lines
    .filter((line, index) => index === 0 || !/^\s*(#|$)/.test(line))
    .map((line, index, all) => (index < all.length - 1 ? line.replace(/\\\s*$/, '') : line))
    .map((line, index) => (index === 0 ? line : line.trimStart()))
    .join('')
}

export const unquote = (text: string) => text.replace(/^(["'])(.*)\1$/, '$2')

export type Variables = ReadonlyMap<string, string>

/** `$NAME`, `${NAME}`, `${NAME:-otherwise}`, `${NAME:+instead}`; a backslash keeps the dollar. */
export function expand(text: string, variables: Variables): string {
  return text.replace(/\\\$|\$(?:\{(\w+)(?::?([-+])([^}]*))?\}|(\w+))/g, (match, braced?: string, operator?: string, word?: string, plain?: string) => {
    if (match === '\\$') return '$'
    const value = variables.get(braced ?? plain ?? '') ?? ''
    if (operator === '-') return value === '' ? expand(word ?? '', variables) : value
    if (operator === '+') return value === '' ? '' : expand(word ?? '', variables)
    return value
  })
}

/** `5s`, `1m30s`, `500ms` as nanoseconds. */
export function goNanoseconds(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) throw new Error(`invalid duration "${text}"`)
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0)
}
