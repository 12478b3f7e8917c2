import { Command, CommanderError } from 'commander'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { UserError } from '../cluster/errors.ts'
import { activeProfile } from '../cluster/active-profile.ts'
import { clusterCommands } from './commands/cluster.ts'
import { type CommandGroup, profileOption } from './commands/command.ts'
import { keepCommands } from './commands/keep.ts'
import { imageCommands } from './commands/image.ts'
import { machineCommands } from './commands/machine.ts'
import { nodeCommands } from './commands/node.ts'
import { profileCommands } from './commands/profile.ts'
import { toolCommands } from './commands/tools.ts'
import { homeOf, UsageError, type CommandLine } from './context.ts'
import { version } from '../version.ts'

/** Runs one command; the answer is its exit code. Code of a command is loaded when it is called: start-up time is a feature. */
export async function main(cli: CommandLine): Promise<number> {
  try {
    if (cli.argv[0] === 'internal') {
      const { runRole } = await import('./roles.ts')
      return await runRole(cli)
    }
    if (cli.argv[0] === 'complete') {
      const { printCandidates } = await import('./completion/completion.ts')
      printCandidates(cli, program(cli), cli.argv.slice(1))
      return 0
    }
    if (cli.argv.length === 0) program(cli).help()
    await program(cli).parseAsync([...cli.argv], { from: 'user' })
    return typeof process.exitCode === 'number' ? process.exitCode : 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof UserError) {
      cli.stderr.write(`knarr: ${error.message}\n`)
      return error instanceof UsageError ? 2 : 1
    }
    if (isSystemError(error) || isStatusError(error)) {
      cli.stderr.write(`knarr: ${error.message}\n`)
      return 1
    }
    throw error
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'

/** What `knarr --help` shows, in this order. */
const groups: readonly (readonly [string, readonly CommandGroup[]])[] = [
  ['Clusters:', [clusterCommands, nodeCommands, profileCommands]],
  ['Working with a cluster:', [toolCommands, imageCommands]],
  ['Keeping a cluster:', [keepCommands]],
  ['This machine:', [machineCommands]],
]

function program(cli: CommandLine): Command {
  const knarr = new Command('knarr')
  knarr
    .description('Kubernetes as a dev dependency: a whole cluster on this machine in about a second')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .addOption(profileOption())
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      outputError: (text, write) => write(`knarr: ${oneLine(text)}; see knarr --help\n`),
    })
    .showSuggestionAfterError(true)
    .usage('[-p <profile>] <command> [options]')
    .hook('preAction', (_, action) => chooseProfile(knarr, action, homeOf(cli)))
    .addHelpText('after', `\nEverything is kept below ${homeOf(cli)} (set KNARR_HOME to change it).`)
  for (const [heading, commands] of groups) {
    knarr.commandsGroup(heading)
    for (const add of commands) add(knarr, cli)
  }
  return knarr
}

const oneLine = (text: string) =>
  text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')

/** `-p` may stand before the command or after it; without it the active profile is meant. */
function chooseProfile(knarr: Command, action: Command, home: string): void {
  const { profile } = knarr.opts<{ profile?: string }>()
  const takesProfile = action.options.some((option) => option.long === '--profile')
  if (!takesProfile) {
    if (profile !== undefined) throw new UsageError(`knarr ${action.name()} takes no --profile`)
    return
  }
  if (action.getOptionValue('profile') === undefined) action.setOptionValue('profile', profile ?? activeProfile(home))
}
