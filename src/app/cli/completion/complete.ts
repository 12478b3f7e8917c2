import type { Command, Option } from 'commander'

export interface Candidate {
  readonly word: string
  readonly description: string
}

/** What a value is one of. `files`: the shell knows them best. */
export type ValueSource = 'profiles' | 'nodes' | 'images' | 'snapshots' | 'files'

export interface Completion {
  readonly candidates: readonly Candidate[]
  readonly hasFiles: boolean
}

export interface CompleteOptions {
  readonly knarr: Command
  /** What stands behind `knarr` up to the cursor; the last one is the word to complete, perhaps empty. */
  readonly words: readonly string[]
  /** The values that there are now, in the profile that the words name. */
  readonly valuesOf: (source: Exclude<ValueSource, 'files'>, profile: string | undefined) => readonly string[]
}

/** By command and argument; options by their own name. */
const sources: Readonly<Record<string, ValueSource>> = {
  '--profile': 'profiles',
  '--kubeconfig': 'files',
  '--file': 'files',
  '--output': 'files',
  'profile name': 'profiles',
  'profile use name': 'profiles',
  'node stop name': 'nodes',
  'node start name': 'nodes',
  'node delete name': 'nodes',
  'image build context': 'files',
  'image load file': 'files',
  'image map image': 'images',
  'image push name': 'images',
  'image rm name': 'images',
  'image save name': 'images',
  'image tag image': 'images',
  'backup file': 'files',
  'restore file': 'files',
  'snapshot save name': 'snapshots',
  'snapshot load name': 'snapshots',
  'snapshot rm name': 'snapshots',
}

/** The words that may stand where the cursor is, out of the tree of commands itself. */
export function complete({ knarr, words, valuesOf }: CompleteOptions): Completion {
  const at = walk(knarr, words.slice(0, -1))
  const word = words.at(-1) ?? ''
  const values = (source: ValueSource | undefined, choices: readonly string[] = [], prefix = ''): Completion => ({
    candidates: [...choices, ...(source && source !== 'files' ? valuesOf(source, at.profile) : [])].map((value) => ({ word: prefix + value, description: '' })),
    hasFiles: source === 'files',
  })
  const [, long, equals] = /^(--[\w-]+)(=)?/.exec(word) ?? []
  const inline = equals ? optionOf(at, long!) : undefined
  const found =
    at.open || inline
      ? values(sources[(at.open ?? inline)!.long ?? ''], (at.open ?? inline)!.argChoices, inline ? `${long}=` : '')
      : word.startsWith('-')
        ? { candidates: optionsOf(at), hasFiles: false }
        : argumentsOf(at, values)
  return { ...found, candidates: found.candidates.filter((candidate) => candidate.word.startsWith(word)) }
}

interface Position {
  readonly path: readonly Command[]
  /** How many arguments of the command stand there already. */
  readonly given: number
  /** The option whose value comes next. */
  readonly open: Option | undefined
  readonly profile: string | undefined
}

function walk(knarr: Command, words: readonly string[]): Position {
  let at: Position = { path: [knarr], given: 0, open: undefined, profile: undefined }
  for (const word of words) at = step(at, word)
  return at
}

function step(at: Position, word: string): Position {
  if (at.open) return { ...at, open: undefined, profile: at.open.long === '--profile' ? word : at.profile }
  if (word.startsWith('-')) {
    const [name = '', value] = word.split('=', 2)
    const option = optionOf(at, name)
    if (value !== undefined) return option?.long === '--profile' ? { ...at, profile: value } : at
    return option?.required || option?.optional ? { ...at, open: option } : at
  }
  const child = at.given === 0 ? commandOf(at).commands.find((command) => command.name() === word || command.aliases().includes(word)) : undefined
  return child ? { ...at, path: [...at.path, child] } : { ...at, given: at.given + 1 }
}

const commandOf = ({ path }: Position): Command => path.at(-1)!

const optionOf = ({ path }: Position, name: string): Option | undefined =>
  [path.at(-1)!, path[0]!].flatMap((command) => command.options).find((option) => option.long === name || option.short === name)

const optionsOf = (at: Position): Candidate[] => [
  ...commandOf(at)
    .options.filter((option) => !option.hidden && option.long)
    .map((option) => ({ word: option.long!, description: option.description })),
  { word: '--help', description: 'show help' },
]

function argumentsOf(at: Position, values: (source: ValueSource | undefined, choices?: readonly string[]) => Completion): Completion {
  const command = commandOf(at)
  const children = at.given === 0 ? command.createHelp().visibleCommands(command) : []
  const commands = children.map((child) => ({ word: child.name(), description: child.description() }))
  const all = command.registeredArguments
  const argument = all[at.given] ?? (all.at(-1)?.variadic ? all.at(-1) : undefined)
  if (!argument) return { candidates: commands, hasFiles: false }
  const path = at.path.slice(1).map((one) => one.name())
  const found = values(sources[[...path, argument.name()].join(' ')], argument.argChoices)
  return { candidates: [...commands, ...found.candidates], hasFiles: found.hasFiles }
}
