import { type CommandGroup, subcommand } from './command.ts'

export const imageCommands: CommandGroup = (knarr, cli) => {
  const image = subcommand(knarr, 'image', 'pull, build, add, push, load, save, map, list and remove images')
  image
    .command('pull')
    .description('fetch an image from its registry')
    .argument('<name>', 'name and tag')
    .action(async (name) => (await import('../image.ts')).pull(cli, name))
  image
    .command('build')
    .description('build an image from a folder and its Dockerfile')
    .argument('<context>', 'the folder')
    .requiredOption('-t, --tag <name>', 'name and tag')
    .option('-f, --file <dockerfile>', 'the Dockerfile (default: CONTEXT/Dockerfile)')
    .option('--build-arg <name=value...>', 'a value for an ARG (from the environment where it has none)')
    .option('--target <stage>', 'the stage to build (default: the last)')
    .option('--no-cache', 'run every RUN again')
    .option('--platform <platform>', "only this machine's is built")
    .action(async (context, options) => (await import('../image.ts')).build(cli, context, options))
  image
    .command('add')
    .description('make an image that Knarr brings along: postgres')
    .argument('<what>', 'postgres')
    .action(async (what) => (await import('../image-add.ts')).addImage(cli, what))
  image
    .command('map')
    .description('let a local image stand in for a name, or list the mappings')
    .argument('[name]', 'the name that manifests use')
    .argument('[image]', 'the local image that stands in for it')
    .action(async (name, to) => (await import('../image.ts')).map(cli, name, to))
  image
    .command('tag')
    .description('give an image another name')
    .argument('<image>', 'its name or id')
    .argument('<name>', 'the other name')
    .action(async (from, to) => (await import('../image.ts')).tag(cli, from, to))
  image
    .command('push')
    .description('send an image to the registry in its name')
    .argument('<name>', 'name and tag')
    .action(async (name) => (await import('../image.ts')).push(cli, name))
  image
    .command('load')
    .description('take in an archive of docker save, or of an OCI layout')
    .argument('<file>', 'the archive, plain or compressed')
    .option('-t, --tag <name>', 'a name for an image that brings none')
    .action(async (file, options) => (await import('../image.ts')).load(cli, file, options))
  image
    .command('save')
    .description('write images to an archive that docker load and knarr image load read')
    .argument('<name...>', 'names')
    .requiredOption('-o, --output <file>', 'the archive')
    .action(async (names, options) => (await import('../image.ts')).save(cli, names, options))
  image
    .command('prune')
    .description('remove images without a name, and layers that no image needs')
    .option('-a, --all', 'every image that no container runs from')
    .action(async (options) => (await import('../image.ts')).prune(cli, options))
  image
    .command('ls')
    .description('list the images')
    .action(async () => (await import('../image.ts')).list(cli))
  image
    .command('rm')
    .description('remove images or mappings')
    .argument('<name...>', 'names')
    .action(async (names) => (await import('../image.ts')).remove(cli, names))
}
