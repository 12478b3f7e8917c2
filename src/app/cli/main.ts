import { Command, CommanderError, Option } from 'commander'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { UserError } from '../cluster/errors.ts'
import { checkProfileName, homeOf, positiveInteger, UsageError, type CommandLine } from './context.ts'
import { version } from '../version.ts'

/** Runs one command; the answer is its exit code. Code of a command is loaded when it is called: start-up time is a feature. */
export async function main(cli: CommandLine): Promise<number> {
  try {
    if (cli.argv[0] === 'internal') {
      const { runRole } = await import('./roles.ts')
      return await runRole(cli)
    }
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

function program(cli: CommandLine): Command {
  const knarr = new Command('knarr')
  knarr
    .description('Kubernetes as a dev dependency: a whole cluster on this machine in about a second')
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      outputError: (text, write) =>
        write(
          `knarr: ${text
            .replace(/^error: /, '')
            .trim()
            .replace(/\s*\n\s*/g, ' ')}; see knarr --help\n`,
        ),
    })
    .showSuggestionAfterError(true)
    .argument('[command]')
    .usage('<command> [options]')
    .action((word?: string) => {
      if (word === undefined) knarr.help()
      knarr.error(`error: unknown command '${word}'`)
    })

  const profile = () => new Option('-p, --profile <name>', 'the cluster to act on').default('default').argParser(checkProfileName)
  const command = (name: string, description: string) => knarr.command(name).description(description).allowExcessArguments(false)

  command('up', 'start a cluster, or make sure that it runs')
    .addOption(profile())
    .addOption(new Option('-n, --nodes <count>', 'one control plane and the rest workers (default: 3)').argParser(positiveInteger('--nodes', 100)))
    .option('--kubeconfig <file>', 'where to add the context (default: $KUBECONFIG or ~/.kube/config)')
    .addOption(new Option('--runtime <name>', 'how Pods run (default: process)').choices(['process', 'simulated']))
    .action(async (options) => (await import('./up.ts')).up(cli, options))
  command('status', 'show the clusters of this user').action(async () => (await import('./status.ts')).status(cli))
  command('down', 'stop a cluster and keep its data')
    .addOption(profile())
    .action(async (options) => (await import('./down.ts')).down(cli, options))
  command('delete', 'stop a cluster and remove all of it')
    .addOption(profile())
    .option('--all', 'every cluster, and the images')
    .action(async (options) => (await import('./down.ts')).remove(cli, options))
  command('demo', 'start a cluster, build and deploy the sample service, and send it requests')
    .addOption(profile())
    .option('--once', 'remove everything again at the end')
    .option('--kubeconfig <file>', 'where to add the context')
    .action(async (options) => (await import('./demo.ts')).demo(cli, options))
  command('doctor', 'say what this machine can run, and what would help').action(async () => (await import('./doctor.ts')).doctor(cli))
  command('version', 'print the versions').action(async () => (await import('./doctor.ts')).printVersion(cli))

  const image = command('image', 'build, map, list and remove images')
  image
    .command('build')
    .description('build an image from a folder and its Dockerfile')
    .argument('<context>', 'the folder')
    .requiredOption('-t, --tag <name>', 'name and tag')
    .option('-f, --file <dockerfile>', 'the Dockerfile (default: CONTEXT/Dockerfile)')
    .action(async (context, options) => (await import('./image.ts')).build(cli, context, options))
  image
    .command('map')
    .description('let a local image stand in for a name, or list the mappings')
    .argument('[name]', 'the name that manifests use')
    .argument('[image]', 'the local image that stands in for it')
    .action(async (name, to) => (await import('./image.ts')).map(cli, name, to))
  image
    .command('ls')
    .description('list the images')
    .action(async () => (await import('./image.ts')).list(cli))
  image
    .command('rm')
    .description('remove images or mappings')
    .argument('<name...>', 'names')
    .action(async (names) => (await import('./image.ts')).remove(cli, names))
  const node = command('node', 'list, stop, start, add and delete nodes')
  const nodeCommand = (name: string, description: string) => node.command(name).description(description).addOption(profile())
  nodeCommand('list', 'list the nodes').action(async (options) => (await import('./node.ts')).list(cli, options))
  nodeCommand('stop', "pull a node's plug: its containers die, and the cluster finds out by itself")
    .argument('<name>', 'the node')
    .action(async (name, options) => (await import('./node.ts')).stop(cli, name, options))
  nodeCommand('start', 'bring a stopped node back')
    .argument('<name>', 'the node')
    .action(async (name, options) => (await import('./node.ts')).start(cli, name, options))
  nodeCommand('add', 'add a worker to a running cluster')
    .argument('[name]', 'its name (default: the next free one)')
    .action(async (name, options) => (await import('./node.ts')).add(cli, name, options))
  nodeCommand('delete', 'move the Pods of a node away and remove it')
    .argument('<name>', 'the node')
    .action(async (name, options) => (await import('./node.ts')).remove(cli, name, options))
  knarr.addHelpText('after', `\nEverything is kept below ${homeOf(cli)} (set KNARR_HOME to change it).`)
  for (const sub of [...knarr.commands, ...image.commands, ...node.commands]) sub.exitOverride().configureOutput(knarr.configureOutput())
  return knarr
}
