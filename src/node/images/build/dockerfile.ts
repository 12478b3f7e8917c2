import { type Copy, DockerfileParser, type From, type Instruction, type JSONInstruction, type PropertyInstruction } from 'dockerfile-ast'
import { posix } from 'node:path'
import type { ImageConfig } from '../image-store.ts'

/** What a Dockerfile asks for, one value a step, with variables filled in. */
export type Step =
  | {
      readonly kind: 'copy'
      readonly line: number
      readonly text: string
      readonly sources: readonly string[]
      readonly destination: string
      readonly chown: string
    }
  | { readonly kind: 'config'; readonly line: number; readonly text: string; readonly apply: (config: ImageConfig) => ImageConfig }

export interface BuildPlan {
  readonly from: string
  /** Steps depend on the base image's config: its variables and working directory. */
  steps(base: ImageConfig): readonly Step[]
}

type Variables = ReadonlyMap<string, string>

export class DockerfileError extends Error {
  override readonly name = 'DockerfileError'
}

/** Throws a DockerfileError that names the line. */
export function parseDockerfile(text: string): BuildPlan {
  const instructions = DockerfileParser.parse(text).getInstructions()
  const first = instructions.findIndex((instruction) => keyword(instruction) !== 'ARG')
  const from = instructions[first]
  if (!from || keyword(from) !== 'FROM')
    throw new DockerfileError(from ? `line ${lineOf(from)}: the first instruction must be FROM, not ${keyword(from)}` : 'the Dockerfile is empty')
  const globals = new Map<string, string>()
  for (const arg of instructions.slice(0, first)) declare(arg, globals, new Map())
  const image = expand((from as From).getImage() ?? '', globals)
  if (image === '') throw new DockerfileError(`line ${lineOf(from)}: FROM needs an image`)
  const rest = instructions.slice(first + 1)
  for (const instruction of rest) check(instruction)
  return { from: image, steps: (base) => planSteps(rest, base, globals) }
}

const known = new Set(['COPY', 'ENV', 'WORKDIR', 'USER', 'EXPOSE', 'LABEL', 'CMD', 'ENTRYPOINT', 'ARG', 'STOPSIGNAL'])

function check(instruction: Instruction): void {
  const name = keyword(instruction)
  const fail = (why: string) => {
    throw new DockerfileError(`line ${lineOf(instruction)}: ${why}`)
  }
  if (name === 'FROM') fail('a second FROM: builds with several stages are not supported')
  if (!known.has(name)) fail(`${name} is not supported (supported: FROM, ${[...known].join(', ')})`)
  if (name !== 'COPY') return
  const flags = (instruction as Copy).getFlags().map((flag) => flag.getName())
  const strange = flags.find((flag) => flag !== 'chown' && flag !== 'link')
  if (strange) fail(`COPY --${strange} is not supported`)
}

function planSteps(instructions: readonly Instruction[], base: ImageConfig, globals: Variables): Step[] {
  const args = new Map<string, string>()
  let config = base
  const steps: Step[] = []
  for (const instruction of instructions) {
    const variables = new Map([...args, ...base.env.map(splitVariable), ...config.env.map(splitVariable)])
    const head = {
      line: lineOf(instruction),
      text: instruction
        .getTextContent()
        .replace(/\\\n\s*/g, '')
        .trim(),
    }
    if (keyword(instruction) === 'ARG') declare(instruction, args, globals)
    else if (keyword(instruction) === 'COPY') steps.push({ ...head, ...copyStep(instruction as Copy, config, variables) })
    else {
      const apply = configStep(instruction, variables)
      config = apply(config)
      steps.push({ ...head, kind: 'config', apply })
    }
  }
  return fixCommand(instructions, steps)
}

/** As Docker: an ENTRYPOINT of one's own drops the CMD of the base image, unless a CMD is given as well. */
function fixCommand(instructions: readonly Instruction[], steps: Step[]): Step[] {
  const names = instructions.map(keyword)
  if (!names.includes('ENTRYPOINT') || names.includes('CMD')) return steps
  return [{ kind: 'config', line: 0, text: '', apply: (config) => ({ ...config, cmd: [] }) }, ...steps]
}

function copyStep(instruction: Copy, config: ImageConfig, variables: Variables) {
  const words =
    instruction.getJSONStrings().length > 0
      ? instruction.getJSONStrings().map((word) => word.getJSONValue())
      : instruction.getArguments().map((argument) => argument.getValue())
  const expanded = words.map((word) => expand(word, variables))
  const destination = expanded.pop()
  if (destination === undefined || expanded.length === 0) throw new DockerfileError(`line ${lineOf(instruction)}: COPY needs a source and a destination`)
  const folder = /(^|\/)\.?$/.test(destination) ? '/' : ''
  const absolute = posix.resolve(config.workingDir || '/', destination)
  const chown =
    instruction
      .getFlags()
      .find((flag) => flag.getName() === 'chown')
      ?.getValue() ?? ''
  return { kind: 'copy', sources: expanded, destination: absolute === '/' ? '/' : `${absolute}${folder}`, chown: expand(chown, variables) } as const
}

function configStep(instruction: Instruction, variables: Variables): (config: ImageConfig) => ImageConfig {
  const text = expand(instruction.getArgumentsContent()?.trim() ?? '', variables)
  const pairs = () => properties(instruction, variables)
  switch (keyword(instruction)) {
    case 'ENV': {
      const given = pairs()
      return (config) => ({ ...config, env: mergeEnv(config.env, given) })
    }
    case 'LABEL': {
      const given = Object.fromEntries(pairs())
      return (config) => ({ ...config, labels: { ...config.labels, ...given } })
    }
    case 'WORKDIR':
      return (config) => ({ ...config, workingDir: posix.resolve(config.workingDir || '/', unquote(text)) })
    case 'USER':
      return (config) => ({ ...config, user: text })
    case 'STOPSIGNAL':
      return (config) => ({ ...config, stopSignal: text })
    case 'EXPOSE': {
      const ports = text.split(/\s+/).map((port) => (port.includes('/') ? port : `${port}/tcp`))
      return (config) => ({ ...config, exposedPorts: [...new Set([...config.exposedPorts, ...ports])] })
    }
    case 'CMD': {
      const cmd = commandWords(instruction as JSONInstruction)
      return (config) => ({ ...config, cmd })
    }
    default: {
      const entrypoint = commandWords(instruction as JSONInstruction)
      return (config) => ({ ...config, entrypoint })
    }
  }
}

/** The exec form is a JSON list; all else is a line for the shell, whose variables are the shell's own. */
function commandWords(instruction: JSONInstruction): string[] {
  const raw = instruction.getRawArgumentsContent()?.trim() ?? ''
  if (raw.startsWith('[')) {
    try {
      const list = JSON.parse(raw.replace(/\\\r?\n/g, '')) as unknown
      if (Array.isArray(list) && list.every((word) => typeof word === 'string')) return list
    } catch {
      // Not JSON: Docker takes it for a line for the shell as well.
    }
  }
  return ['/bin/sh', '-c', raw.replace(/\\\r?\n\s*/g, '')]
}

function properties(instruction: Instruction, variables: Variables): (readonly [string, string])[] {
  return (instruction as PropertyInstruction)
    .getProperties()
    .map((property) => [unquote(property.getName()), expand(property.getValue() ?? '', variables)] as const)
}

/** `ARG name=default`; one without a default takes that of an ARG before FROM. */
function declare(instruction: Instruction, into: Map<string, string>, globals: Variables): void {
  for (const property of (instruction as PropertyInstruction).getProperties()) {
    const value = property.getValue() === null ? globals.get(property.getName()) : expand(property.getValue()!, new Map([...globals, ...into]))
    if (value !== undefined) into.set(property.getName(), value)
  }
}

/** `$NAME`, `${NAME}`, `${NAME:-otherwise}`, `${NAME:+instead}`; a backslash keeps the dollar. */
export function expand(text: string, variables: Variables): string {
  return text.replace(/\\\$|\$(?:\{(\w+)(?::([-+])([^}]*))?\}|(\w+))/g, (match, braced?: string, operator?: string, word?: string, plain?: string) => {
    if (match === '\\$') return '$'
    const value = variables.get(braced ?? plain ?? '') ?? ''
    if (operator === '-') return value === '' ? expand(word ?? '', variables) : value
    if (operator === '+') return value === '' ? '' : expand(word ?? '', variables)
    return value
  })
}

function mergeEnv(env: readonly string[], given: readonly (readonly [string, string])[]): string[] {
  const merged = new Map([...env.map(splitVariable), ...given])
  return [...merged].map(([name, value]) => `${name}=${value}`)
}

function splitVariable(line: string): readonly [string, string] {
  const at = line.indexOf('=')
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}

const unquote = (text: string) => text.replace(/^(["'])(.*)\1$/, '$2')
const keyword = (instruction: Instruction) => instruction.getKeyword().toUpperCase()
const lineOf = (instruction: Instruction) => instruction.getRange().start.line + 1
