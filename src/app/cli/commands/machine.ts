import { type CommandGroup, subcommand } from './command.ts'

export const machineCommands: CommandGroup = (knarr, cli) => {
  subcommand(knarr, 'doctor', 'say what this machine can run, and what would help').action(async () => (await import('../doctor.ts')).doctor(cli))
  subcommand(knarr, 'version', 'print the versions').action(async () => (await import('../doctor.ts')).printVersion(cli))
}
