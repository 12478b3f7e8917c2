import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standIn } from './book-images.ts'
import { createSandbox, eventually, isRoot } from './harness.ts'

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

  it('have a kubectl of their own that knows the chosen one, whatever the context is (claim 60)', async () => {
    await sandbox.knarr('profile', 'c2')
    await k('config', 'use-context', 'knarr-c1')
    expect((await sandbox.knarr('kubectl', '--', 'get', 'nodes', '-o', 'name')).stdout).toBe('node/knarr-c2-control-plane\n')
    expect((await sandbox.knarr('kubectl', '-p', 'c1', '--', 'get', 'nodes', '-o', 'name')).stdout).toBe('node/knarr-c1-control-plane\n')
    const refused = await sandbox.knarr('kubectl', '--', 'get', 'pod', 'none')
    expect(refused).toMatchObject({ code: 1, stderr: 'Error from server (NotFound): pods "none" not found\n' })
  })

  it('print what their processes say, or write it to a file (claim 66)', async () => {
    const { stdout } = await sandbox.knarr('logs', '-p', 'c1')
    expect(stdout).toMatch(/ server +INFO +the API of knarr-c1 answers /)
    expect(stdout).toMatch(/ agent +INFO /)
    const file = join(dirname(sandbox.kubeconfig), 'logs.txt')
    expect((await sandbox.knarr('logs', '-p', 'c1', `--file=${file}`)).stdout).not.toContain('INFO')
    expect(readFileSync(file, 'utf8').startsWith(stdout.slice(0, 1000))).toBe(true)
  })

  it('say where a Service answers on this machine: namespace, name, port and a URL (claim 81)', async () => {
    await standIn(sandbox, 'echoserver', 'registry.k8s.io/echoserver:1.4')
    const c1 = (...args: string[]) => k('--context', 'knarr-c1', ...args)
    // The one node of each is a control plane.
    const tolerations = JSON.stringify({ spec: { tolerations: [{ operator: 'Exists' }] } })
    await c1('run', 'hello-node', '--image=registry.k8s.io/echoserver:1.4', `--overrides=${tolerations}`)
    await c1('expose', 'pod', 'hello-node', '--type=NodePort', '--port=8080')
    await c1('wait', 'pod/hello-node', '--for=condition=Ready', '--timeout=30s')
    const port = await c1('get', 'service', 'hello-node', '-o', 'jsonpath={.spec.ports[0].nodePort}')
    const ip = await c1('get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
    const url = `http://${ip}:${port}`
    expect((await sandbox.knarr('service', '-p', 'c1', 'hello-node')).stdout).toMatch(
      new RegExp(`^NAMESPACE +NAME +TARGET PORT +URL\\ndefault +hello-node +8080 +${url.replaceAll('.', '\\.')}\\n$`),
    )
    expect((await sandbox.knarr('service', '-p', 'c1', 'hello-node', '--url')).stdout).toBe(`${url}\n`)
    const answer = await eventually(
      () => sandbox.run('curl', ['-sS', '-m', '5', url]),
      ({ code }) => code === 0,
      'it answers there',
    )
    expect(answer.stdout).toContain('CLIENT VALUES:')
  })

  it('go one by one: the other runs on (claim 88)', async () => {
    expect((await sandbox.knarr('delete', '-p', 'c1')).stdout).toContain('cluster knarr-c1 is deleted')
    expect((await sandbox.kubectl('--context', 'knarr-c1', 'get', 'nodes')).code).toBe(1)
    expect(await k('--context', 'knarr-c2', 'get', 'nodes')).toContain('knarr-c2-control-plane')
    expect((await sandbox.knarr('profile', 'list')).stdout).not.toContain('c1')
  })
})
