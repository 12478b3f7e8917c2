import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createSandbox, isRoot, main } from './harness.ts'

describe('refusals are one line and say what to do', () => {
  const sandbox = createSandbox()
  afterAll(() => sandbox.remove())
  const cases: readonly (readonly [string[], number, RegExp])[] = [
    [['upp'], 2, /^knarr: unknown command 'upp'.*\n$/],
    [['up', '--runtime', 'docker'], 2, /^knarr: option '--runtime <name>' argument 'docker' is invalid.*\n$/],
    [['up', '--nodes', 'three'], 2, /^knarr: --nodes takes a whole number from 1 to 100 \(got "three"\)\n$/],
    [['up', '--profile', 'Not_Ok'], 2, /^knarr: a profile's name has at most 20 lower-case letters.*\n$/],
    [['down'], 1, /^knarr: there is no cluster knarr-default. Run: knarr up --profile default\n$/],
    [['image', 'build', '/nowhere', '-t', 'a'], 1, /^knarr: there is no \/nowhere\/Dockerfile\n$/],
    [['image', 'rm', 'nothing'], 1, /^knarr: there is no image or mapping nothing.*\n$/],
  ]
  it.each(cases)('knarr %j exits %d', async (args, code, text) => {
    const answer = await sandbox.knarr(...args)
    expect(answer.stderr).toMatch(text)
    expect(answer.code).toBe(code)
  })

  it("removes with delete --all what is Knarr's, and nothing else", async () => {
    mkdirSync(join(sandbox.home, 'images'), { recursive: true })
    writeFileSync(join(sandbox.home, 'mine.txt'), 'precious')
    expect((await sandbox.knarr('delete', '--all')).stdout).toContain('nothing of Knarr is left')
    expect(readdirSync(sandbox.home)).toEqual(['mine.txt'])
  })

  it('says with status that there is nothing', async () => {
    expect((await sandbox.knarr('status')).stdout).toBe('there is no cluster; start one with: knarr up\n')
  })
})

describe.skipIf(!isRoot)('a user without rights (root gives up every capability)', () => {
  const sandbox = createSandbox()
  const withoutRights = (...args: string[]) =>
    sandbox.run('setpriv', ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', process.execPath, main, ...args])
  afterAll(async () => {
    await withoutRights('delete', '--all')
    await sandbox.remove()
  })

  it('gets one clear line for real Pods, and a simulated cluster', async () => {
    const refused = await withoutRights('up')
    expect(refused.stderr).toMatch(/^knarr: Pods need network namespaces, and this user may not create them\. Run: sudo .*\n$/)
    expect(refused.code).toBe(1)
    const answer = await withoutRights('up', '--runtime', 'simulated')
    expect(answer, answer.stderr).toMatchObject({ code: 0 })
    const kubectl = (...args: string[]) => sandbox.kubectl(...args)
    await kubectl('create', 'deployment', 'web', '--image=web:1', '--replicas=3')
    expect((await kubectl('rollout', 'status', 'deployment/web', '--timeout=30s')).stdout).toContain('successfully rolled out')
    expect((await withoutRights('delete', '--all')).code).toBe(0)
  })
})
