import { type CommandGroup, profileOption, subcommand } from './command.ts'

export const nodeCommands: CommandGroup = (knarr, cli) => {
  const node = subcommand(knarr, 'node', 'list, stop, start, add and delete nodes')
  const add = (name: string, description: string) => subcommand(node, name, description).addOption(profileOption())
  add('list', 'list the nodes').action(async (options) => (await import('../node.ts')).list(cli, options))
  add('stop', "pull a node's plug: its containers die, and the cluster finds out by itself")
    .argument('<name>', 'the node')
    .action(async (name, options) => (await import('../node.ts')).stop(cli, name, options))
  add('start', 'bring a stopped node back')
    .argument('<name>', 'the node')
    .action(async (name, options) => (await import('../node.ts')).start(cli, name, options))
  add('add', 'add a worker to a running cluster')
    .argument('[name]', 'its name (default: the next free one)')
    .action(async (name, options) => (await import('../node.ts')).add(cli, name, options))
  add('delete', 'move the Pods of a node away and remove it')
    .argument('<name>', 'the node')
    .action(async (name, options) => (await import('../node.ts')).remove(cli, name, options))
}
