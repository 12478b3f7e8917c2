import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, isRoot } from './harness.ts'

describe.skipIf(!isRoot)('two clusters side by side (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const server = (context: string) => k('config', 'view', '-o', `jsonpath={.clusters[?(@.name=="${context}")].cluster.server}`)
  beforeAll(async () => {
    for (const name of ['c1', 'c2']) {
      const { code, stderr } = await sandbox.knarr('up', '-p', name, '--nodes', '1')
      if (code !== 0) throw new Error(stderr)
    }
  })
  afterAll(() => sandbox.remove())

  it('are a cluster each, and both are listed (claim 64)', async () => {
    const { stdout } = await sandbox.knarr('profile', 'list')
    expect(stdout).toMatch(/^ACTIVE +PROFILE +STATE [^]*\bc1 +up [^]*\bc2 +up /)
    await k('--context', 'knarr-c1', 'create', 'configmap', 'only-here')
    expect((await sandbox.kubectl('--context', 'knarr-c2', 'get', 'configmap', 'only-here')).stderr).toContain('configmaps "only-here" not found')
    expect(await server('knarr-c1')).not.toBe(await server('knarr-c2'))
  })

  it('have a context each, with a mark at the one in use, and commands act on the profile that was chosen (claims 65, 85, 87)', async () => {
    for (const [chosen, other] of [
      ['c1', 'c2'],
      ['c2', 'c1'],
    ]) {
      expect((await sandbox.knarr('profile', String(chosen))).code).toBe(0)
      expect((await sandbox.knarr('profile')).stdout).toBe(`${chosen}\n`)
      const contexts = await k('config', 'get-contexts')
      expect(contexts).toMatch(new RegExp(`^\\* +knarr-${chosen} +`, 'm'))
      expect(contexts).toMatch(new RegExp(`^ +knarr-${other} +`, 'm'))
      expect((await k('config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}')).trim()).toBe(await server(`knarr-${chosen}`))
      expect(await k('get', 'nodes', '-o', 'name')).toBe(`node/knarr-${chosen}-control-plane\n`)
    }
  })

  it('are not switched by set-context, which only writes an entry; use-context switches (claim 86)', async () => {
    await k('config', 'set-context', 'c1')
    expect((await k('config', 'current-context')).trim()).toBe('knarr-c2')
    await k('config', 'use-context', 'knarr-c1')
    expect(await k('get', 'nodes', '-o', 'name')).toBe('node/knarr-c1-control-plane\n')
    await k('config', 'delete-context', 'c1')
  })

  it('go one by one: the other runs on (claim 88)', async () => {
    expect((await sandbox.knarr('delete', '-p', 'c1')).stdout).toContain('cluster knarr-c1 is deleted')
    expect((await sandbox.kubectl('--context', 'knarr-c1', 'get', 'nodes')).code).toBe(1)
    expect(await k('--context', 'knarr-c2', 'get', 'nodes')).toContain('knarr-c2-control-plane')
    expect((await sandbox.knarr('profile', 'list')).stdout).not.toContain('c1')
  })
})
