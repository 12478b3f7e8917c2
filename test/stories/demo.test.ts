import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, main, traces } from './harness.ts'

describe.skipIf(!isRoot)('the demo (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const { k, knarr } = sandbox
  const before = await traces(sandbox)
  afterEach(() => knarr('delete', '--all'))
  afterAll(() => sandbox.remove())

  const left = async () => (await traces(sandbox)).filter((line) => !before.includes(line))
  /** Starts a demo and gives it back at the first line that has `text`. */
  const demoUntil = async (text: string, ...args: string[]) => {
    const child = sandbox.start(process.execPath, [main, 'demo', ...args])
    let output = ''
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (output += String(chunk)))
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>
    await eventually(
      async () => output,
      (seen) => seen.includes(text) || child.exitCode !== null,
      `the demo says ${text}`,
      60_000,
    )
    return { child, ended, output: () => output }
  }

  it('shows the system and what it survives and, with --once, removes everything', async () => {
    const { code, stdout, stderr } = await knarr('demo', '--once')
    expect(code, stdout + stderr).toBe(0)
    const facts = [
      /cluster +knarr-default +3 nodes ready/,
      /image +knarr\.local\/postgres +built of /,
      /image +tasks:dev +built from examples\/tasks/,
      /database +tasks\/postgres +StatefulSet 1\/1, claim data-postgres-0 Bound \(1Gi\)/,
      /migrate +tasks +Job tasks-migrate complete/,
      /service +tasks +Deployment 3\/3, Service, Ingress/,
      /POST \/tasks +201 from tasks-/,
      /3 Pods answered 30 requests with that task +0 failed/,
      /kill +the database +postgres-0 came again on its claim: 1 of 1 tasks there/,
      /rollout +Deployment tasks +3 new Pods under \d+ requests in [\d.]+ s +0 failed/,
      /Removed +everything/,
    ]
    for (const fact of facts) expect(stdout).toMatch(fact)
    expect(existsSync(sandbox.home)).toBe(false)
    expect(await left()).toEqual([])
  })

  it('removes everything when it is stopped in the middle', async () => {
    const { child, ended, output } = await demoUntil('  deploy ')
    child.kill('SIGINT')
    expect([(await ended)[0], output()]).toEqual([130, expect.stringContaining('Removed ')])
    expect([existsSync(sandbox.home), await left()]).toEqual([false, []])
  })

  it('removes everything when nobody reads what it says', async () => {
    const { child, ended } = await demoUntil('knarr')
    child.stdout!.destroy()
    expect((await ended)[0]).toBe(0)
    expect([existsSync(sandbox.home), await left()]).toEqual([false, []])
  })

  it('removes what an earlier one left that was killed, and works as if it were the first', async () => {
    const { child, ended } = await demoUntil('  database ')
    child.kill('SIGKILL')
    await ended
    const { code, stdout, stderr } = await knarr('demo', '--once')
    expect(code, stdout + stderr).toBe(0)
    expect([existsSync(sandbox.home), await left()]).toEqual([false, []])
  })

  it('leaves a cluster that was there before as it was', async () => {
    await knarr('up', '-n', '1')
    await k('create', 'namespace', 'mine')
    const imagesBefore = (await knarr('image', 'ls')).stdout.replace(/.* on disk.*/, '')
    const { code, stdout } = await knarr('demo', '--once')
    expect([code, stdout]).toEqual([0, expect.stringContaining('what was there before stays')])
    expect(await k('get', 'namespaces', '-o', 'name')).not.toContain('namespace/tasks')
    expect(await k('get', 'namespaces', '-o', 'name')).toContain('namespace/mine')
    expect((await k('get', 'pv', '-o', 'name')).trim()).toBe('')
    expect((await knarr('image', 'ls')).stdout.replace(/.* on disk.*/, '')).toBe(imagesBefore)
  })

  it('leaves the system running, shows it again where it runs, and takes nothing of it away', async () => {
    for (const _ of ['first', 'again']) {
      const { code, stdout, stderr } = await knarr('demo')
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(/Remove everything +(npx )?knarr delete --all/)
      expect((await k('get', 'pvc', '-n', 'tasks', '-o', 'name')).trim()).toBe('persistentvolumeclaim/data-postgres-0')
    }
    const volume = () => k('get', 'pvc', '-n', 'tasks', '-o', 'jsonpath={.items[*].spec.volumeName}')
    const before = await volume()
    const { child, ended } = await demoUntil('  deploy ')
    child.kill('SIGINT')
    expect((await ended)[0]).toBe(130)
    expect((await knarr('demo', '--once')).stdout).toContain('what was there before stays')
    expect(await volume()).toBe(before)
  })

  it('leaves a namespace of somebody else alone', async () => {
    await knarr('up', '-n', '1')
    await k('create', 'namespace', 'tasks')
    const { code, stderr } = await knarr('demo', '--once')
    expect([code, stderr]).toEqual([1, 'knarr: the namespace tasks is there already, and not of a demo. Run: knarr demo --profile demo\n'])
    expect(await k('get', 'namespace', 'tasks', '-o', 'name')).toContain('namespace/tasks')
  })
})
