import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { kubeconfigPath } from './kubeconfig-path.ts'
import { removeContext, useContext, writeContext } from './kubeconfig.ts'

const folder = mkdtempSync(join(tmpdir(), 'knarr-kubeconfig-'))
afterAll(() => rmSync(folder, { recursive: true }))
const entry = { name: 'knarr-default', server: 'https://127.0.0.1:6443', ca: 'CA', client: { cert: 'C', key: 'K' } }

it('makes a new file that only its owner reads', () => {
  const file = join(folder, 'new', 'config')
  writeContext(file, entry)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(parse(readFileSync(file, 'utf8'))).toMatchObject({
    kind: 'Config',
    'current-context': 'knarr-default',
    clusters: [{ name: 'knarr-default', cluster: { server: entry.server } }],
  })
})

it("keeps others' entries and comments, replaces its own, and takes them out again", () => {
  const file = join(folder, 'config')
  const foreign =
    '# hands off\napiVersion: v1\nkind: Config\nclusters: [{name: work, cluster: {server: "https://work"}}]\ncontexts: []\nusers: []\ncurrent-context: work\n'
  writeFileSync(file, foreign)
  writeContext(file, entry)
  writeContext(file, { ...entry, server: 'https://127.0.0.1:7443' })
  const config = parse(readFileSync(file, 'utf8'))
  expect(config.clusters.map((cluster: { name: string }) => cluster.name)).toEqual(['work', 'knarr-default'])
  expect(config.clusters[1].cluster.server).toBe('https://127.0.0.1:7443')
  removeContext(file, 'knarr-default')
  const text = readFileSync(file, 'utf8')
  expect(text).toContain('# hands off')
  expect(text).toContain('work')
  expect(text).not.toContain('knarr')
})

it('keeps the namespace that the user chose for the context', () => {
  const file = join(folder, 'namespace')
  writeContext(file, entry)
  writeFileSync(file, readFileSync(file, 'utf8').replace('user: knarr-default', 'user: knarr-default\n      namespace: shop'))
  writeContext(file, { ...entry, server: 'https://127.0.0.1:7443' })
  expect(parse(readFileSync(file, 'utf8')).contexts[0].context).toEqual({ cluster: 'knarr-default', user: 'knarr-default', namespace: 'shop' })
})

it('switches the current context to one that is there, and to no other', () => {
  const file = join(folder, 'two')
  for (const name of ['knarr-c1', 'knarr-c2']) writeContext(file, { ...entry, name })
  const current = () => parse(readFileSync(file, 'utf8'))['current-context'] as string
  expect([useContext(file, 'knarr-c1'), current()]).toEqual([true, 'knarr-c1'])
  expect([useContext(file, 'knarr-c3'), current()]).toEqual([false, 'knarr-c1'])
})

it('refuses what is not a kubeconfig, and leaves it alone', () => {
  const file = join(folder, 'text')
  writeFileSync(file, 'just words')
  expect(() => writeContext(file, entry)).toThrow(/is not a kubeconfig/)
  expect(readFileSync(file, 'utf8')).toBe('just words')
})

it('writes where kubectl writes', () => {
  expect(kubeconfigPath({ KUBECONFIG: '/a:/b', HOME: '/h' })).toBe('/a')
  expect(kubeconfigPath({ HOME: '/h' })).toBe('/h/.kube/config')
})
