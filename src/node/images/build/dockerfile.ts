import { DockerfileParser, type From, type Instruction, type PropertyInstruction } from 'dockerfile-ast'
import { formatPlatform, hostPlatform, parsePlatform } from '../platform.ts'
import { DockerfileError, expand, fail, keyword, lineOf, type Variables } from './instruction.ts'

/** One FROM and what follows it. */
export interface Stage {
  readonly index: number
  readonly name: string
  readonly line: number
  readonly text: string
  /** An image, `scratch`, or an earlier stage (by its name). */
  readonly from: string
  readonly instructions: readonly Instruction[]
}

export interface Dockerfile {
  readonly stages: readonly Stage[]
  /** Values that ARG without a default takes up. */
  readonly globals: Variables
  readonly buildArgs: Variables
}

export const instructionNames = [
  'FROM',
  'RUN',
  'COPY',
  'ADD',
  'ENV',
  'ARG',
  'WORKDIR',
  'USER',
  'EXPOSE',
  'LABEL',
  'CMD',
  'ENTRYPOINT',
  'VOLUME',
  'SHELL',
  'HEALTHCHECK',
  'ONBUILD',
  'STOPSIGNAL',
  'MAINTAINER',
]

/** Throws a DockerfileError that names the line. */
export function parseDockerfile(text: string, buildArgs: Variables = new Map()): Dockerfile {
  const instructions = DockerfileParser.parse(text).getInstructions()
  const first = instructions.findIndex((instruction) => keyword(instruction) !== 'ARG')
  const from = instructions[first]
  if (!from) throw new DockerfileError('the Dockerfile has no FROM')
  if (keyword(from) !== 'FROM') fail(from, `the first instruction must be FROM, not ${keyword(from)}`)
  const globals = new Map<string, string>(platformArgs())
  for (const arg of instructions.slice(0, first)) declare(arg, globals, { buildArgs, globals: new Map() })
  const stages: { -readonly [K in keyof Stage]: Stage[K] }[] = []
  for (const instruction of instructions.slice(first)) {
    if (!instructionNames.includes(keyword(instruction))) fail(instruction, `unknown instruction: ${keyword(instruction)}`)
    if (keyword(instruction) === 'FROM') stages.push(stageOf(instruction as From, stages.length, globals))
    else stages.at(-1)!.instructions = [...stages.at(-1)!.instructions, instruction]
  }
  return { stages, globals, buildArgs }
}

function stageOf(from: From, index: number, globals: Variables): Stage {
  const image = expand(from.getImage() ?? '', globals)
  if (image === '') fail(from, 'FROM needs an image')
  const platform = expand(from.getPlatformFlag()?.getValue() ?? '', globals)
  if (platform !== '') requireHostPlatform(platform, (why) => fail(from, why))
  return {
    index,
    name: (from.getBuildStage() ?? String(index)).toLowerCase(),
    line: lineOf(from),
    text: `FROM ${image}${from.getBuildStage() ? ` AS ${from.getBuildStage()}` : ''}`,
    from: image,
    instructions: [],
  }
}

export function requireHostPlatform(text: string, refuse: (why: string) => never): void {
  const { os, architecture } = parsePlatform(text)
  if (os !== hostPlatform.os || architecture !== hostPlatform.architecture) refuse(`platform ${text} is not this machine's (${formatPlatform(hostPlatform)})`)
}

/** What BuildKit sets by itself, for stages that declare it. */
function platformArgs(): [string, string][] {
  const parts: [string, string][] = [
    ['PLATFORM', formatPlatform(hostPlatform)],
    ['OS', hostPlatform.os],
    ['ARCH', hostPlatform.architecture],
    ['VARIANT', hostPlatform.variant ?? ''],
  ]
  return parts.flatMap(([name, value]) => [
    [`TARGET${name}`, value],
    [`BUILD${name}`, value],
  ])
}

/** `ARG name=default`: what the command line gives, or the default, or the value of an ARG before FROM. */
export function declare(arg: Instruction, into: Map<string, string>, { buildArgs, globals }: { buildArgs: Variables; globals: Variables }): void {
  for (const property of (arg as PropertyInstruction).getProperties()) {
    const name = property.getName()
    const written = property.getValue()
    const value = buildArgs.get(name) ?? (written === null ? globals.get(name) : expand(written, new Map([...globals, ...into])))
    if (value !== undefined) into.set(name, value)
  }
}
