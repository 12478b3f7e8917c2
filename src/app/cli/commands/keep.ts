import { UsageError } from '../context.ts'
import { type CommandGroup, profileOption, subcommand } from './command.ts'

const snapshotName = (name: string): string => {
  if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name))
    throw new UsageError(`a snapshot's name has at most 63 letters, digits, dots, hyphens and underscores, and begins with a letter or digit (got "${name}")`)
  return name
}

export const keepCommands: CommandGroup = (knarr, cli) => {
  subcommand(knarr, 'backup', 'write a cluster with its volumes, certificates and keys to one file, while it runs')
    .argument('<file>', 'the file')
    .addOption(profileOption())
    .action(async (file, options) => (await import('../keep.ts')).backup(cli, file, options))
  subcommand(knarr, 'restore', "put a backup in the place of a cluster's state, or make a cluster of it")
    .argument('<file>', 'what knarr backup wrote')
    .addOption(profileOption())
    .action(async (file, options) => (await import('../keep.ts')).restore(cli, file, options))
  const snapshot = subcommand(knarr, 'snapshot', 'save, load, list and remove states of a cluster, kept beside it')
  subcommand(snapshot, 'save', 'keep the state of now under a name')
    .argument('<name>', 'the name', snapshotName)
    .addOption(profileOption())
    .option('--force', 'replace the snapshot that has this name')
    .action(async (name, options) => (await import('../keep.ts')).save(cli, name, options))
  subcommand(snapshot, 'load', 'go back to a saved state; what the cluster has now is lost')
    .argument('<name>', 'the name', snapshotName)
    .addOption(profileOption())
    .action(async (name, options) => (await import('../keep.ts')).load(cli, name, options))
  subcommand(snapshot, 'ls', 'list the saved states')
    .addOption(profileOption())
    .action(async (options) => (await import('../keep.ts')).list(cli, options))
  subcommand(snapshot, 'rm', 'remove a saved state')
    .argument('<name>', 'the name', snapshotName)
    .addOption(profileOption())
    .action(async (name, options) => (await import('../keep.ts')).remove(cli, name, options))
  subcommand(knarr, 'reset', 'empty a cluster: its objects and volumes go, its addresses and certificates stay')
    .addOption(profileOption())
    .action(async (options) => (await import('../keep.ts')).reset(cli, options))
}
