import { Argument } from 'commander'
import { shells } from '../completion/scripts.ts'
import { type CommandGroup, subcommand } from './command.ts'

export const machineCommands: CommandGroup = (knarr, cli) => {
  subcommand(knarr, 'doctor', 'say what this machine can run, and what would help').action(async () => (await import('../doctor.ts')).doctor(cli))
  subcommand(knarr, 'version', 'print the versions').action(async () => (await import('../doctor.ts')).printVersion(cli))
  subcommand(knarr, 'completion', 'print what a shell needs to complete commands, options and names: source <(knarr completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell) => void (await import('../completion/completion.ts')).printScript(cli, shell))
}
