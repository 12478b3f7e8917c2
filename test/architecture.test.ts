import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { cruise, type IModule, type ICruiseResult } from 'dependency-cruiser'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** `base <- {control, node, platform} <- app <- bin`: what each group may import besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  base: [],
  control: ['base'],
  node: ['base'],
  platform: ['base'],
  app: ['base', 'control', 'node', 'platform'],
  bin: ['app', 'base'],
}

/** Imports that break a rule, each with its reason. One that is no longer needed fails the test. */
const exceptions: readonly { readonly from: string; readonly to: string; readonly reason: string }[] = []

/** What the build takes into dist/, so that nobody has to install it. */
const bundled: readonly string[] = [
  '@peculiar/x509',
  'commander',
  'croner',
  'dns-packet',
  'dockerfile-ast',
  'fast-json-patch',
  'jose',
  'reflect-metadata',
  'undici',
  'ws',
  'yaml',
]

interface Import {
  readonly from: string
  readonly to: string
  readonly isExternal: boolean
  readonly isTypeOnly: boolean
}

/** Tests, and the case files that several of them share. */
const isTest = (path: string): boolean => /(?:\.test|-cases)\.ts$/.test(path)
const groupOf = (path: string): string | undefined => /^(?:src\/)?(base|control|node|platform|app|bin)\//.exec(path)?.[1]
const packageOf = (path: string): string | undefined => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
const arrow = ({ from, to }: { from: string; to: string }): string => `${from} -> ${to}`

let imports: readonly Import[] = []
let rings: readonly string[] = []

const importsOf = (module: IModule): readonly Import[] =>
  module.dependencies.map(({ resolved, module: name, couldNotResolve, dependencyTypes }) => ({
    from: module.source,
    to: couldNotResolve ? name : resolved,
    isExternal: packageOf(resolved) !== undefined,
    isTypeOnly: dependencyTypes.includes('type-only'),
  }))

beforeAll(async () => {
  const { output } = await cruise(['src', 'bin'], {
    baseDir: root,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
    validate: true,
    ruleSet: { forbidden: [{ name: 'no-rings', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } }] },
  })
  const result = output as ICruiseResult
  imports = result.modules.filter(({ source }) => groupOf(source) && !isTest(source)).flatMap(importsOf)
  rings = result.summary.violations.map(({ from, cycle }) => [from, ...(cycle ?? []).map(({ name }) => name)].join(' -> '))
}, 60_000)

const isExcepted = ({ from, to }: Import): boolean => exceptions.some((exception) => exception.from === from && exception.to === to)

const breaksArrows = ({ from, to }: Import): boolean => {
  const [source, target] = [groupOf(from)!, groupOf(to)]
  return target !== undefined && target !== source && !arrows[source]!.includes(target)
}

describe('the architecture', () => {
  it('was read: there are modules in it', () => {
    expect(new Set(imports.map(({ from }) => groupOf(from)))).toEqual(new Set(Object.keys(arrows)))
    expect(imports.length).toBeGreaterThan(50)
  })

  it('has imports that point down only', () => {
    expect(imports.filter((each) => !each.isExternal && breaksArrows(each) && !isExcepted(each)).map(arrow)).toEqual([])
  })

  it('has no rings', () => expect(rings).toEqual([]))

  it('has no exception without need', () => {
    const broken = new Set(imports.filter(breaksArrows).map(arrow))
    expect(exceptions.map(arrow).filter((exception) => !broken.has(exception))).toEqual([])
  })

  it('imports what the published package depends on or carries, and nothing for development', async () => {
    const { dependencies } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { dependencies: Record<string, string> }
    const shipped = new Set([...Object.keys(dependencies), ...bundled])
    const foreign = imports.filter((each) => each.isExternal && !each.isTypeOnly && !shipped.has((packageOf(each.to) ?? '').replace(/^@types\//, '')))
    expect(foreign.map(arrow)).toEqual([])
  })

  it('imports packages late only through files of its own: a bundle gives a late CommonJS package no names', async () => {
    const late = /\bimport\(\s*'(?!\.|node:)([^']+)'/g
    const files = [...new Set(imports.map(({ from }) => from))]
    const found = await Promise.all(
      files.map(async (file) => [...(await readFile(new URL(`../${file}`, import.meta.url), 'utf8')).matchAll(late)].map(([, name]) => `${file} -> ${name}`)),
    )
    expect(found.flat()).toEqual([])
  })

  it('never imports the Kubernetes client library, which costs half a second', () => {
    expect(imports.filter(({ to }) => /@kubernetes\/client-node|kubernetes-models/.test(to)).map(arrow)).toEqual([])
  })

  it('has no product code that imports a test or another tree', () => {
    expect(imports.filter((each) => !each.isExternal && (isTest(each.to) || /^(?:test|bench|examples|tools)\//.test(each.to))).map(arrow)).toEqual([])
  })
})
