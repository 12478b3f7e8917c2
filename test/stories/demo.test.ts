import { existsSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { createSandbox, isRoot, traces } from './harness.ts'

describe.skipIf(!isRoot)('the demo (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const before = await traces(sandbox)
  afterAll(() => sandbox.remove())

  it('boots, builds, deploys, checks and, with --once, removes everything', async () => {
    const { code, stdout, stderr } = await sandbox.knarr('demo', '--once')
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).toMatch(/cluster +knarr-default +3 nodes ready/)
    expect(stdout).toMatch(/deploy +namespace tasks +Deployment 3\/3, Service, Ingress/)
    expect(stdout).toMatch(/POST \/tasks +201 from tasks-/)
    expect(stdout).toMatch(/3 Pods answered 30 requests +0 failed/)
    expect(existsSync(sandbox.home)).toBe(false)
    expect((await traces(sandbox)).filter((line) => !before.includes(line))).toEqual([])
  })
})
