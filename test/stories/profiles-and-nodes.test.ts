import { afterAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot } from './harness.ts'

describe.skipIf(!isRoot)('two profiles side by side, and nodes that come and go (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { knarr } = sandbox
  const k1 = (...args: string[]) => knarr('-p', 'c1', 'kubectl', '--', ...args)
  afterAll(() => sandbox.remove())

  it('brings both up with ranges and ports of their own', async () => {
    for (const name of ['c1', 'c2']) expect(await knarr('up', '-p', name, '--nodes', '2')).toMatchObject({ code: 0 })
    const [one, two] = [sandbox.profile('c1'), sandbox.profile('c2')]
    const taken = (profile: typeof one) => [...Object.values(profile.ranges), profile.apiPort, profile.httpPort, profile.httpsPort]
    expect(taken(one).filter((each) => taken(two).includes(each))).toEqual([])
    for (const name of ['c1', 'c2']) expect((await knarr('-p', name, 'kubectl', 'get', 'nodes')).stdout).toContain(`knarr-${name}-worker `)
    for (const name of ['c1', 'c2']) expect((await knarr('-p', name, 'dns', '--check')).stdout).toMatch(/^kubernetes\.default\.svc\.cluster\.local is /)
  })

  it('switches the active profile, and kubectl with it', async () => {
    expect((await knarr('profile', 'use', 'c1')).stdout).toContain('profile c1 is active')
    expect((await sandbox.k('config', 'current-context')).trim()).toBe('knarr-c1')
    expect((await knarr('profile', 'list')).stdout).toMatch(/^\* +c1 +up +process +2\/2 .*knarr-c1$/m)
    expect((await knarr('kubectl', 'get', 'nodes')).stdout).toContain('knarr-c1-control-plane')
  })

  it('passes the exit code of kubectl on', async () => {
    expect(await k1('get', 'pods', 'nope')).toMatchObject({ code: 1, stderr: expect.stringContaining('NotFound') })
  })

  it('adds a node, stops it, keeps it stopped over down and up, and starts it again', async () => {
    expect((await knarr('node', 'add', '-p', 'c1')).stdout).toMatch(/^knarr-c1-worker2 added; Ready in /)
    expect((await knarr('node', 'stop', 'knarr-c1-worker2', '-p', 'c1')).stdout).toBe(
      'knarr-c1-worker2 stopped; it turns NotReady after 40 s and its Pods move after their tolerations (300 s by default)\n',
    )
    await knarr('down', '-p', 'c1')
    expect((await knarr('up', '-p', 'c1')).stdout).toContain('2 nodes ready and 1 stopped')
    expect((await knarr('node', 'list', '-p', 'c1')).stdout).toMatch(/knarr-c1-worker2 +worker +stopped/)
    expect((await knarr('node', 'start', 'knarr-c1-worker2', '-p', 'c1')).stdout).toContain('started; Ready in')
    expect((await knarr('node', 'stop', 'knarr-c1-control-plane', '-p', 'c1')).stderr).toMatch(/^knarr: knarr-c1-control-plane carries the API .*\n$/)
  })

  it('deletes a node with its Node object', async () => {
    expect((await knarr('node', 'delete', 'knarr-c1-worker2', '-p', 'c1')).stdout).toMatch(/^knarr-c1-worker2 deleted/)
    await eventually(
      async () => (await k1('get', 'nodes', '-o', 'name')).stdout,
      (names) => !names.includes('worker2'),
      'the Node is gone',
    )
  })

  it('deletes one profile and leaves the other', async () => {
    expect((await knarr('delete', '-p', 'c1')).code).toBe(0)
    expect((await knarr('profile')).stdout).toBe('default\n')
    expect((await knarr('-p', 'c2', 'kubectl', 'get', 'nodes')).stdout).toContain('knarr-c2-worker ')
  })
})
