import { checkProfileName } from '../context.ts'
import { type CommandGroup, subcommand } from './command.ts'

export const profileCommands: CommandGroup = (knarr, cli) => {
  const profile = subcommand(knarr, 'profile', 'say, or choose, which cluster the commands act on')
    .argument('[name]', 'the profile to make active', checkProfileName)
    .action(async (name) => (await import('../profile.ts')).use(cli, name))
  subcommand(profile, 'list', 'list the profiles').action(async () => (await import('../profile.ts')).list(cli))
  subcommand(profile, 'use', 'make a profile the active one, for knarr and for kubectl')
    .argument('<name>', 'the profile', checkProfileName)
    .action(async (name) => (await import('../profile.ts')).use(cli, name))
}
