import { DockerfileParser, type Instruction, type JSONInstruction, type Onbuild, type PropertyInstruction, type Run } from 'dockerfile-ast'
import { posix } from 'node:path'
import type { ImageConfig } from '../image-store.ts'
import { declare, type Dockerfile } from './dockerfile.ts'
import { commandWords, expand, fail, flagsOf, goNanoseconds, jsonWords, keyword, lineOf, textOf, unquote, type Variables } from './instruction.ts'

interface Head {
  readonly line: number
  readonly text: string
}

export interface CopyStep extends Head {
  readonly kind: 'copy'
  readonly isAdd: boolean
  readonly sources: readonly string[]
  /** Absolute; with `/` at its end where it is named as a folder. */
  readonly destination: string
  /** A stage or an image; empty for the build context. */
  readonly from: string
  readonly chown: string
  readonly chmod: string
}

export interface RunStep extends Head {
  readonly kind: 'run'
  readonly argv: readonly string[]
  readonly env: readonly (readonly [string, string])[]
  readonly workingDir: string
  readonly user: string
  /** Paths of the container that are kept from build to build. */
  readonly caches: readonly { readonly id: string; readonly target: string }[]
}

export type Step = CopyStep | RunStep | (Head & { readonly kind: 'config'; readonly apply: (config: ImageConfig) => ImageConfig })

const defaultShell = ['/bin/sh', '-c']

/** What a stage does, with variables filled in: they depend on the base image's config. */
export function planSteps(instructions: readonly Instruction[], base: ImageConfig, { globals, buildArgs }: Dockerfile): Step[] {
  const args = new Map<string, string>()
  const all = [...triggersOf(base), ...instructions]
  let config: ImageConfig = withoutTriggers(base)
  const steps: Step[] = base.onBuild ? [{ kind: 'config', line: 0, text: '', apply: withoutTriggers }] : []
  for (const instruction of all) {
    const env = config.env.map(splitVariable)
    const variables = new Map([...args, ...env])
    const head = { line: lineOf(instruction), text: textOf(instruction) }
    const name = keyword(instruction)
    if (name === 'ARG') declare(instruction, args, { buildArgs, globals })
    else if (name === 'COPY' || name === 'ADD') steps.push({ ...head, ...copyStep(instruction as JSONInstruction, config, variables) })
    else if (name === 'RUN') steps.push({ ...head, ...runStep(instruction as Run, config, [...new Map([...args, ...env])]) })
    else {
      const apply = configStep(instruction, config, variables)
      config = apply(config)
      steps.push({ ...head, kind: 'config', apply })
    }
  }
  return fixCommand(all, steps)
}

function triggersOf({ onBuild = [] }: ImageConfig): Instruction[] {
  return onBuild.flatMap((text) => DockerfileParser.parse(text).getInstructions())
}

function withoutTriggers({ onBuild: _, ...config }: ImageConfig): ImageConfig {
  return config
}

/** As Docker: an ENTRYPOINT of one's own drops the CMD of the base image, unless a CMD is given as well. */
function fixCommand(instructions: readonly Instruction[], steps: Step[]): Step[] {
  const names = instructions.map(keyword)
  if (!names.includes('ENTRYPOINT') || names.includes('CMD')) return steps
  return [{ kind: 'config', line: 0, text: '', apply: (config) => ({ ...config, cmd: [] }) }, ...steps]
}

function copyStep(instruction: JSONInstruction, config: ImageConfig, variables: Variables): Omit<CopyStep, keyof Head> {
  const name = keyword(instruction)
  if (/<<[-"'\w]/.test(instruction.getRawArgumentsContent() ?? '')) fail(instruction, `a here-document in ${name} is not supported: write the file`)
  const flags = flagsOf(instruction, name === 'COPY' ? ['chown', 'chmod', 'link', 'from'] : ['chown', 'chmod', 'link'])
  const flag = (key: string) => expand(flags.get(key)?.at(-1) ?? '', variables)
  const raw = jsonWords(instruction.getRawArgumentsContent()?.trim() ?? '') ?? instruction.getArguments().map((argument) => unquote(argument.getValue()))
  const words = raw.map((word) => expand(word, variables))
  const destination = words.pop()
  if (destination === undefined || words.length === 0) fail(instruction, `${name} needs a source and a destination`)
  if (flag('chmod') !== '' && !/^[0-7]{3,4}$/.test(flag('chmod'))) fail(instruction, `${name} --chmod takes an octal number such as 755`)
  const folder = /(^|\/)\.{0,2}$/.test(destination) ? '/' : ''
  const absolute = posix.resolve(config.workingDir || '/', destination)
  return {
    kind: 'copy',
    isAdd: name === 'ADD',
    sources: words,
    destination: absolute === '/' ? '/' : `${absolute}${folder}`,
    from: flag('from'),
    chown: flag('chown'),
    chmod: flag('chmod'),
  }
}

function runStep(instruction: Run, config: ImageConfig, env: readonly (readonly [string, string])[]): Omit<RunStep, keyof Head> {
  const flags = flagsOf(instruction, ['mount', 'network', 'security'])
  for (const name of ['network', 'security']) {
    const value = flags.get(name)?.[0] ?? 'default'
    if (value !== 'default' && value !== 'sandbox' && value !== 'host') fail(instruction, `RUN --${name}=${value} is not supported`)
  }
  const shell = config.shell ?? defaultShell
  const argv = instruction.getHeredocs().length > 0 ? [...shell, heredocOf(instruction)] : commandWords(instruction, shell)
  if (argv.at(-1) === '') fail(instruction, 'RUN needs a command')
  const caches = (flags.get('mount') ?? []).map((text) => cacheMount(instruction, text, config))
  return { kind: 'run', argv, env, workingDir: config.workingDir || '/', user: config.user, caches }
}

function cacheMount(instruction: Instruction, text: string, config: ImageConfig): { id: string; target: string } {
  const options = new Map(text.split(',').map((part) => splitVariable(part)))
  const type = options.get('type') ?? 'bind'
  if (type !== 'cache') fail(instruction, `RUN --mount=type=${type} is not supported (only type=cache)`)
  const target = options.get('target') ?? options.get('dst') ?? options.get('destination')
  if (!target) fail(instruction, 'RUN --mount=type=cache needs a target')
  const path = posix.resolve(config.workingDir || '/', target)
  return { id: options.get('id') ?? path, target: path }
}

/** `RUN <<EOF` with nothing else on its line: the document is the script. */
function heredocOf(instruction: Run): string {
  const [first = '', ...rest] = (instruction.getRawArgumentsContent() ?? '').split('\n')
  const name = /^\s*<<(-?)(["']?)(\w+)\2\s*$/.exec(first)
  if (!name || instruction.getHeredocs().length > 1) fail(instruction, 'only a single here-document alone on its line is supported in RUN')
  const lines = rest.slice(
    0,
    rest.findIndex((line) => line.trim() === name[3]),
  )
  return lines.map((line) => (name[1] ? line.replace(/^\t+/, '') : line)).join('\n')
}

function configStep(instruction: Instruction, current: ImageConfig, variables: Variables): (config: ImageConfig) => ImageConfig {
  const raw = instruction.getRawArgumentsContent()?.trim() ?? ''
  const text = expand(instruction.getArgumentsContent()?.trim() ?? '', variables)
  const shell = current.shell ?? defaultShell
  switch (keyword(instruction)) {
    case 'ENV': {
      const given = properties(instruction, variables)
      return (config) => ({ ...config, env: mergeEnv(config.env, given) })
    }
    case 'LABEL': {
      const given = Object.fromEntries(properties(instruction, variables))
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
    case 'VOLUME': {
      const volumes = (jsonWords(raw) ?? text.split(/\s+/)).map((path) => expand(path, variables))
      return (config) => ({ ...config, volumes: [...new Set([...(config.volumes ?? []), ...volumes])] })
    }
    case 'SHELL': {
      const words = jsonWords(raw) ?? fail(instruction, 'SHELL takes a JSON list, such as ["/bin/bash", "-c"]')
      return (config) => ({ ...config, shell: words })
    }
    case 'HEALTHCHECK': {
      const healthcheck = healthcheckOf(instruction, raw)
      return (config) => ({ ...config, healthcheck })
    }
    case 'ONBUILD': {
      const trigger = (instruction as Onbuild).getTrigger()?.toUpperCase() ?? ''
      if (['', 'ONBUILD', 'FROM', 'MAINTAINER'].includes(trigger)) fail(instruction, `ONBUILD ${trigger} is not allowed`)
      return (config) => ({ ...config, onBuild: [...(config.onBuild ?? []), raw] })
    }
    case 'MAINTAINER':
      return (config) => ({ ...config, labels: { ...config.labels, maintainer: text } })
    case 'CMD': {
      const cmd = commandWords(instruction, shell)
      return (config) => ({ ...config, cmd })
    }
    default: {
      const entrypoint = commandWords(instruction, shell)
      return (config) => ({ ...config, entrypoint })
    }
  }
}

function healthcheckOf(instruction: Instruction, raw: string): Record<string, unknown> {
  const flags = flagsOf(instruction, ['interval', 'timeout', 'start-period', 'start-interval', 'retries'])
  if (/^none$/i.test(raw)) return { Test: ['NONE'] }
  const [, command] = /^cmd\s+(.*)$/is.exec(raw) ?? fail(instruction, 'HEALTHCHECK takes CMD and a command, or NONE')
  const duration = (flag: string, key: string) => {
    const text = flags.get(flag)?.[0]
    try {
      return text === undefined ? {} : { [key]: goNanoseconds(text) }
    } catch (error) {
      return fail(instruction, `HEALTHCHECK --${flag}: ${(error as Error).message}`)
    }
  }
  const retries = flags.get('retries')?.[0]
  const words = jsonWords(command!.trim())
  return {
    Test: words ? ['CMD', ...words] : ['CMD-SHELL', command!.trim()],
    ...duration('interval', 'Interval'),
    ...duration('timeout', 'Timeout'),
    ...duration('start-period', 'StartPeriod'),
    ...duration('start-interval', 'StartInterval'),
    ...(retries === undefined ? {} : { Retries: Number(retries) }),
  }
}

function properties(instruction: Instruction, variables: Variables): (readonly [string, string])[] {
  return (instruction as PropertyInstruction)
    .getProperties()
    .map((property) => [unquote(property.getName()), expand(property.getValue() ?? '', variables)] as const)
}

function mergeEnv(env: readonly string[], given: readonly (readonly [string, string])[]): string[] {
  const merged = new Map([...env.map(splitVariable), ...given])
  return [...merged].map(([name, value]) => `${name}=${value}`)
}

function splitVariable(line: string): readonly [string, string] {
  const at = line.indexOf('=')
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}
