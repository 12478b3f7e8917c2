import { type Command, Option } from 'commander'
import { checkProfileName, type CommandLine } from '../context.ts'

/** Adds a group of commands. Their code is loaded when they are called: start-up time is a feature. */
export type CommandGroup = (knarr: Command, cli: CommandLine) => void

export const profileOption = (): Option => new Option('-p, --profile <name>', 'the cluster to act on (default: the active profile)').argParser(checkProfileName)

export const subcommand = (parent: Command, name: string, description: string): Command =>
  parent.command(name).description(description).allowExcessArguments(false)
