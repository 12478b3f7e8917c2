import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, traces } from './harness.ts'

const foreign = `# mine
apiVersion: v1
kind: Config
clusters:
- name: work
  cluster: {server: "https://work.example:6443"}
contexts:
- name: work
  context: {cluster: work, user: me}
users:
- name: me
  user: {token: secret}
current-context: work
`

describe.skipIf(!isRoot)('a cluster comes up, stays, goes down and leaves nothing (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const before = await traces(sandbox)
  afterAll(() => sandbox.remove())

  it('comes up with three nodes and a context, and keeps what was in the kubeconfig (claim 55)', async () => {
    writeFileSync(sandbox.kubeconfig, foreign)
    const answer = await sandbox.knarr('up')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    expect(answer.stdout).toMatch(
      /^cluster knarr-default is up: 3 nodes ready in \d+\.\d s \(API https:\/\/127\.0\.0\.1:\d+, registry localhost:\d+, context knarr-default, (nftables proxy|userspace proxy \(no nftables here\))\)\n$/,
    )
    const kubeconfig = readFileSync(sandbox.kubeconfig, 'utf8')
    expect(kubeconfig).toContain('# mine')
    expect(kubeconfig).toContain('https://work.example:6443')
    expect((await sandbox.k('config', 'current-context')).trim()).toBe('knarr-default')
  })

  it('shows the nodes to kubectl as upstream does', async () => {
    const rows = (await sandbox.k('get', 'nodes'))
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/))
    expect(rows[0]).toEqual(['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'])
    expect(rows.slice(1).map((row) => [row[0], row[1], row[2], row[4]])).toEqual([
      ['knarr-control-plane', 'Ready', 'control-plane', 'v1.36.0'],
      ['knarr-worker', 'Ready', '<none>', 'v1.36.0'],
      ['knarr-worker2', 'Ready', '<none>', 'v1.36.0'],
    ])
    const taints = await sandbox.k('get', 'node', 'knarr-control-plane', '-o', 'jsonpath={.spec.taints[*].key}')
    expect(taints).toBe('node-role.kubernetes.io/control-plane')
  })

  it('is safe to repeat', async () => {
    const answer = await sandbox.knarr('up')
    expect(answer.stdout).toMatch(/^cluster knarr-default is already up: 3 nodes, \d+ Pods\n$/)
  })

  it('says in status what runs', async () => {
    const { stdout } = await sandbox.knarr('status')
    expect(stdout).toMatch(/^PROFILE +STATE +NODES +PODS +API +SINCE +MEMORY +CPU\ndefault +up +3\/3 +\d+ +https:\/\/127\.0\.0\.1:\d+ +\S+ +\d+ MB +\S+ %\n$/)
  })

  it('keeps its objects over down and up', async () => {
    await sandbox.k('create', 'configmap', 'kept', '--from-literal=a=b')
    expect((await sandbox.knarr('down')).stdout).toContain('its data is kept')
    expect((await traces(sandbox)).filter((line) => !before.includes(line))).toEqual([])
    expect((await sandbox.knarr('up')).code).toBe(0)
    expect(await sandbox.k('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).toBe('b')
    await eventually(
      () => sandbox.k('get', 'nodes'),
      (text) => (text.match(/ Ready /g) ?? []).length === 3,
      'three nodes Ready again',
    )
  })

  it('deletes everything, and the context with it (claim 63)', async () => {
    expect((await sandbox.knarr('delete', '--all')).code).toBe(0)
    expect(existsSync(sandbox.home)).toBe(false)
    expect((await traces(sandbox)).filter((line) => !before.includes(line))).toEqual([])
    const kubeconfig = readFileSync(sandbox.kubeconfig, 'utf8')
    expect(kubeconfig).not.toContain('knarr')
    expect(kubeconfig).toContain('https://work.example:6443')
  })
})
