import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWebImage, createSandbox, eventually, isRoot, main, type Sandbox } from './harness.ts'

const hungry = 'const kept = []; setInterval(() => kept.push(Buffer.alloc(64e6, 1)), 20)'

describe.runIf(isRoot)('a cluster of a size, and ways into it (needs root and kubectl)', { timeout: 60_000 }, () => {
  let sandbox: Sandbox
  let k: Sandbox['k']
  let mirror: Server | undefined

  beforeAll(async () => {
    sandbox = createSandbox()
    k = sandbox.k
    await sandbox.knarr('up', '--cpus', '1', '--memory', '1g', '--disk-size', '20g')
    await buildWebImage(sandbox)
  })
  afterAll(async () => {
    mirror?.close()
    await sandbox.remove()
  })

  it('reports what it was made with on every node', async () => {
    const sizes = await k(
      'get',
      'nodes',
      '-o',
      'jsonpath={range .items[*]}{.status.capacity.cpu} {.status.capacity.memory} {.status.capacity.ephemeral-storage}{"\\n"}{end}',
    )
    expect(new Set(sizes.trim().split('\n'))).toEqual(new Set(['1 1Gi 20Gi']))
  })

  it('holds all its containers together to that memory, also those without a limit of their own', async () => {
    await k('run', 'hungry', '--image=knarr.local/host-node', '--restart=Never', '--', 'node', '-e', hungry)
    await eventually(
      () =>
        k(
          'get',
          'pod',
          'hungry',
          '-o',
          'jsonpath={.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}',
        ),
      (text) => text === 'OOMKilled 137',
      'the kernel ends it',
    )
  })

  it('says where a Service answers, and it answers there', async () => {
    await k('create', 'deployment', 'web', '--image=web:dev')
    await k('expose', 'deployment', 'web', '--type=NodePort', '--port=80', '--target-port=8080')
    await k('rollout', 'status', 'deployment/web', '--timeout=30s')
    const { stdout } = await sandbox.knarr('service', 'web', '--url')
    const { stdout: page } = await sandbox.run('curl', ['-s', '--max-time', '5', stdout.trim()])
    expect(JSON.parse(page)).toMatchObject({ path: '/' })
  })

  it('fetches a kubectl where there is none, checks it, and runs it on the cluster', async () => {
    const binary = readFileSync((await sandbox.run('which', ['kubectl'])).stdout.trim())
    const asked: string[] = []
    mirror = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.end(request.url?.endsWith('.sha256') ? createHash('sha256').update(binary).digest('hex') : binary)
    })
    await new Promise<void>((resolve) => mirror?.listen(0, '127.0.0.1', resolve))
    const base = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`
    const environment = { ...sandbox.environment, PATH: '/nonexistent', KNARR_KUBECTL_BASE_URL: base }
    const nodes = () =>
      new Promise<string>((resolve, reject) => {
        execFile(process.execPath, [main, 'kubectl', '--', 'get', 'nodes', '-o', 'name'], { env: environment, encoding: 'utf8' }, (error, stdout, stderr) =>
          error ? reject(new Error(stderr)) : resolve(stdout),
        )
      })
    expect(await nodes()).toContain('node/knarr-control-plane')
    expect(await nodes()).toContain('node/knarr-worker')
    const platform = `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`
    expect(asked.toSorted()).toEqual([`/release/v1.36.0/bin/${platform}/kubectl`, `/release/v1.36.0/bin/${platform}/kubectl.sha256`])
  })
})
