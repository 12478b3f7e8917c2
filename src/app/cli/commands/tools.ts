import { Option } from 'commander'
import { positiveInteger } from '../context.ts'
import { type CommandGroup, profileOption, subcommand } from './command.ts'

export const toolCommands: CommandGroup = (knarr, cli) => {
  knarr
    .command('kubectl')
    .description('run kubectl on the cluster: knarr kubectl get pods, or knarr kubectl -- ... where options come first')
    .usage('[-p <profile>] [--] [arguments of kubectl]')
    .argument('[args...]')
    .addOption(profileOption())
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (args, options) => (await import('../kubectl.ts')).kubectl(cli, args, options))
  subcommand(knarr, 'service', 'print where a Service answers on this machine')
    .argument('<name>', 'the Service')
    .addOption(profileOption())
    .option('-n, --namespace <name>', 'its namespace', 'default')
    .option('--url', 'print nothing but the URLs')
    .action(async (name, options) => (await import('../service.ts')).service(cli, name, options))
  subcommand(knarr, 'logs', "print what the cluster's own processes say, in the order of time")
    .addOption(profileOption())
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('--file <file>', 'write to a file instead')
    .addOption(new Option('-n, --length <lines>', 'only the last lines').argParser(positiveInteger('--length', 1_000_000_000)))
    .action(async (options) => (await import('../logs.ts')).logs(cli, options))
  subcommand(knarr, 'dns', "print how this machine can use the cluster's DNS; it changes nothing")
    .addOption(profileOption())
    .option('--check', 'resolve a name through it')
    .action(async (options) => (await import('../dns.ts')).dns(cli, options))
}
