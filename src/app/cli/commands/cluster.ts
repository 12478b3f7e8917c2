import { Option } from 'commander'
import { positiveInteger } from '../context.ts'
import { allMemory, cpuCount, sizeInBytes } from '../sizes.ts'
import { checkKubernetesVersion } from '../kubernetes-version.ts'
import { type CommandGroup, profileOption, subcommand } from './command.ts'

export const clusterCommands: CommandGroup = (knarr, cli) => {
  subcommand(knarr, 'up', 'start a cluster, or make sure that it runs')
    .addOption(profileOption())
    .addOption(new Option('-n, --nodes <count>', 'one control plane and the rest workers (default: 3)').argParser(positiveInteger('--nodes', 100)))
    .option('--kubeconfig <file>', 'where to add the context (default: $KUBECONFIG or ~/.kube/config)')
    .addOption(new Option('--runtime <name>', 'how Pods run (default: process)').choices(['process', 'simulated']))
    .addOption(new Option('--cpus <count>', 'what the whole cluster may use, or max (default: all)').argParser(cpuCount))
    .addOption(new Option('--memory <size>', 'the same of memory: 2g, 1977mb, 2048 or max').argParser(sizeInBytes('--memory', allMemory)))
    .addOption(new Option('--disk-size <size>', 'what the nodes report: 20g').argParser(sizeInBytes('--disk-size')))
    .addOption(new Option('--kubernetes-version <version>', '1.36, or stable or latest, which mean it').argParser(checkKubernetesVersion))
    .action(async (options) => (await import('../up.ts')).up(cli, options))
  subcommand(knarr, 'status', 'show the clusters of this user').action(async () => (await import('../status.ts')).status(cli))
  subcommand(knarr, 'down', 'stop a cluster and keep its data')
    .addOption(profileOption())
    .action(async (options) => (await import('../down.ts')).down(cli, options))
  subcommand(knarr, 'delete', 'stop a cluster and remove all of it')
    .addOption(profileOption())
    .option('--all', 'every cluster, and the images')
    .action(async (options) => (await import('../down.ts')).remove(cli, options))
  subcommand(knarr, 'demo', 'start a cluster, deploy the sample system, and show what it survives')
    .addOption(profileOption())
    .option('--once', 'remove everything at the end')
    .option('--kubeconfig <file>', 'where to add the context')
    .action(async (options) => (await import('../demo/demo.ts')).demo(cli, options))
}
