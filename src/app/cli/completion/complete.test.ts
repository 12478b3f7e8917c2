import { Argument, Command, Option } from 'commander'
import { expect, it } from 'vitest'
import { complete, type ValueSource } from './complete.ts'

const knarr = new Command('knarr').addOption(new Option('-p, --profile <name>', 'the cluster'))
const profile = () => new Option('-p, --profile <name>', 'the cluster')
knarr
  .command('up')
  .description('start')
  .addOption(profile())
  .addOption(new Option('--runtime <name>', 'how').choices(['process', 'simulated']))
  .option('--force', 'now')
const node = knarr.command('node').description('nodes')
node.command('stop').description('stop one').argument('<name>').addOption(profile())
const image = knarr.command('image').description('images')
image.command('rm').description('remove').argument('<name...>')
knarr.command('restore').description('restore').argument('<file>').addOption(profile())
knarr
  .command('completion')
  .description('words')
  .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))

const values: Record<string, Record<string, string[]>> = { a: { nodes: ['a-1', 'a-2'] }, b: { nodes: ['b-1'] } }
const valuesOf = (source: ValueSource, name = 'a') =>
  source === 'profiles' ? ['a', 'b'] : source === 'images' ? ['web:dev', 'worker:dev'] : (values[name]?.[source] ?? [])

it.each([
  ['', ['up', 'node', 'image', 'restore', 'completion', 'help']],
  ['n', ['node']],
  ['-p b n', ['node']],
  ['up --', ['--profile', '--runtime', '--force', '--help']],
  ['up --runtime ', ['process', 'simulated']],
  ['up --runtime=s', ['--runtime=simulated']],
  ['up --profile ', ['a', 'b']],
  ['-p ', ['a', 'b']],
  ['node ', ['stop', 'help']],
  ['node stop ', ['a-1', 'a-2']],
  ['-p b node stop ', ['b-1']],
  ['node stop --profile=b ', ['b-1']],
  ['node stop a-1 ', []],
  ['image rm w', ['web:dev', 'worker:dev']],
  ['image rm web:dev wo', ['worker:dev']],
  ['restore ', [':files']],
  ['completion ', ['bash', 'zsh']],
  ['nothing ', []],
])('completes "knarr %s"', (line, expected) => {
  const { candidates, hasFiles } = complete({ knarr, words: line.split(' '), valuesOf })
  expect([...candidates.map(({ word }) => word), ...(hasFiles ? [':files'] : [])]).toEqual(expected)
})
