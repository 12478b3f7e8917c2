import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRoot } from './harness.ts'

const root = join(import.meta.dirname, '..', '..')
const nobody = 65_534
const megabyte = 1e6

const must = (file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): string => {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd: root, encoding: 'utf8', timeout: 110_000, ...options })
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: exit ${status} ${error?.message ?? ''}\n${stdout}${stderr}`)
  return stdout
}

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []))

/** Installs the packed package as `npm install --omit=dev` would, without a registry: its dependencies come from where npm put them here. */
function install(into: string): string[] {
  if (!existsSync(join(root, 'dist', 'types'))) must(process.execPath, ['tools/emit-types.mjs'])
  const packed = JSON.parse(must('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into])) as [{ filename: string }]
  const target = join(into, 'node_modules', 'knarr')
  mkdirSync(target, { recursive: true })
  must('tar', ['xzf', join(into, basename(packed[0].filename)), '--strip-components=1', '-C', target])
  const production = must('npm', ['ls', '--omit=dev', '--all', '--parseable'])
    .split('\n')
    .filter((path) => path.includes('node_modules'))
  for (const path of production) cpSync(path, join(into, relative(root, path)), { recursive: true })
  mkdirSync(join(into, 'node_modules', '.bin'), { recursive: true })
  symlinkSync('../knarr/dist/knarr.js', join(into, 'node_modules', '.bin', 'knarr'))
  writeFileSync(join(into, 'package.json'), '{"name":"consumer","private":true,"type":"module"}')
  return files(target).map((file) => relative(target, file))
}

describe('the package, installed in an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'knarr-package-'))
  let content: string[] = []
  beforeAll(() => {
    chmodSync(folder, 0o755)
    content = install(folder)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('holds what runs, its types, docs and examples, and nothing that made it', () => {
    expect(new Set(content.map((file) => file.split('/')[0]))).toEqual(
      new Set(['dist', 'docs', 'examples', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']),
    )
    expect(content.filter((file) => /\.map$|\.tsbuildinfo$|(^|\/)node_modules\//.test(file))).toEqual([])
    expect(content).toContain('dist/THIRD-PARTY-LICENSES.txt')
  })

  it('takes less than 30 MB with all it depends on', () => {
    const bytes = files(join(folder, 'node_modules')).reduce((sum, file) => sum + lstatSync(file).size, 0)
    expect(bytes / megabyte).toBeLessThan(30)
  })

  it('has types that a strict consumer can use', () => {
    mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
    symlinkSync(join(root, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'))
    symlinkSync(join(root, 'node_modules', 'undici-types'), join(folder, 'node_modules', 'undici-types'))
    writeFileSync(join(folder, 'use.ts'), consumer)
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const flags = ['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023', '--types', 'node']
    must(process.execPath, [compiler, ...flags, 'use.ts'], { cwd: folder })
    expect(JSON.parse(must(process.execPath, ['use.js'], { cwd: folder }))).toEqual({ name: 'web', available: 2, version: expect.stringMatching(/^\d+\./) })
  })

  it.skipIf(!isRoot)('runs a simulated cluster for a user without rights', () => {
    const home = join(folder, 'home')
    mkdirSync(home)
    chownSync(home, nobody, nobody)
    const env = { PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`, HOME: home, npm_config_update_notifier: 'false' }
    const asNobody = (...args: string[]) =>
      must('setpriv', [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--inh-caps=-all', 'npx', '--no-install', 'knarr', ...args], {
        cwd: folder,
        env,
      })
    try {
      expect(asNobody('up', '--runtime', 'simulated')).toMatch(/^cluster knarr-default is up: 3 nodes ready/)
      expect(asNobody('status')).toMatch(/default +up +3\/3/)
    } finally {
      expect(asNobody('delete', '--all')).toContain('cluster knarr-default is deleted')
    }
  })

  it.skipIf(!isRoot)('runs the demo for root without asking for kubectl', () => {
    const tools = join(folder, 'tools')
    const asked = join(folder, 'kubectl-was-asked')
    mkdirSync(tools)
    writeFileSync(join(tools, 'kubectl'), `#!/bin/sh\ntouch ${asked}\nexit 1\n`, { mode: 0o755 })
    const home = join(folder, 'root-home')
    const env = {
      ...process.env,
      PATH: `${tools}${delimiter}${process.env['PATH']}`,
      HOME: home,
      KNARR_HOME: join(home, 'data'),
      KUBECONFIG: join(home, 'kubeconfig'),
    }
    expect(must(join(folder, 'node_modules', '.bin', 'knarr'), ['demo', '--once'], { cwd: folder, env })).toMatch(/30 requests with that task +0 failed/)
    expect(existsSync(asked)).toBe(false)
  })
})

const consumer = `
import { version } from 'knarr'
import { createInformer, isStatusError, silentLog, systemClock, type Deployment } from 'knarr/client'
import { createCluster, kinds, type Cluster } from 'knarr/testing'

const cluster: Cluster = await createCluster({ nodes: 2 })
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } }
await cluster.client.create(kinds.deployments, {
  metadata: { namespace: 'default', name: 'web' },
  spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template },
})
const web = await cluster.waitFor<Deployment>('deployment/web', { available: true })
const stop = new AbortController()
const informer = createInformer(cluster.client, kinds.pods, { signal: stop.signal, clock: systemClock, log: silentLog })
await informer.synced
const error: unknown = await cluster.client.get(kinds.nodes, { name: 'none' }).catch((refused: unknown) => refused)
if (!isStatusError(error, 'NotFound') || informer.list('default').length !== 2) throw new Error('not as expected')
stop.abort()
console.log(JSON.stringify({ name: web.metadata.name, available: web.status.availableReplicas, version }))
await cluster.close()
`
