import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWebImage, createSandbox, eventually, isRoot, traces } from './harness.ts'

describe.skipIf(!isRoot)('kill -9 loses nothing (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const before = await traces(sandbox)
  const run = join(sandbox.home, 'profiles', 'default', 'run')
  const kill = (file: string) => process.kill(Number(readFileSync(join(run, file), 'utf8')), 'SIGKILL')
  const startOf = () =>
    k(
      'get',
      'pod',
      '-l',
      'app=web',
      '-o',
      'jsonpath={.items[0].metadata.name} {.items[0].status.containerStatuses[0].containerID} {.items[0].status.containerStatuses[0].restartCount}',
    )
  let started = ''
  beforeAll(async () => {
    await sandbox.knarr('up')
    await buildWebImage(sandbox)
    await k('create', 'deployment', 'web', '--image=web:dev')
    await k('patch', 'deployment', 'web', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"web","imagePullPolicy":"IfNotPresent"}]}}}}')
    await k('rollout', 'status', 'deployment/web', '--timeout=60s')
    await eventually(
      () => k('get', 'pods', '-o', 'name'),
      (text) => text.trim().split('\n').length === 1,
      'one Pod is left',
    )
    started = await startOf()
  })
  afterAll(() => sandbox.remove())

  it('restarts a killed server with all its objects', async () => {
    await k('create', 'configmap', 'written', '--from-literal=a=b')
    kill('server.pid')
    await eventually(
      () => k('get', 'configmap', 'written', '-o', 'jsonpath={.data.a}'),
      (text) => text === 'b',
      'the object is there',
    )
    expect(await startOf()).toBe(started)
  })

  it('restarts a killed agent, and its Pods have run on', async () => {
    kill('agent.pid')
    await eventually(
      () => sandbox.kubectl('logs', 'deployment/web'),
      (answer) => answer.code === 0 && answer.stdout.includes('listening'),
      'the new agent answers',
    )
    await eventually(startOf, (text) => text === started, 'the same container')
    expect((await k('exec', 'deployment/web', '--', 'node', '-p', '6*7')).trim()).toBe('42')
  })

  it('comes back with up after everything was killed', async () => {
    for (const file of ['server.supervisor', 'agent.supervisor', 'server.pid', 'agent.pid']) kill(file)
    expect((await sandbox.knarr('up')).code).toBe(0)
    await eventually(
      () => k('get', 'deployment', 'web', '-o', 'jsonpath={.status.readyReplicas}'),
      (text) => text === '1',
      'the Deployment is ready again',
    )
    await eventually(
      () => sandbox.kubectl('exec', 'deployment/web', '--', 'node', '-p', '6*7'),
      (answer) => answer.stdout.trim() === '42',
      'exec works',
    )
  })

  it('leaves nothing on the host when deleted after a kill', async () => {
    for (const file of ['server.supervisor', 'agent.supervisor', 'server.pid', 'agent.pid']) kill(file)
    expect((await sandbox.knarr('delete', '--all')).code).toBe(0)
    await eventually(
      () => traces(sandbox),
      (lines) => lines.every((line) => before.includes(line)),
      'nothing is left',
      5000,
    )
  })
})
