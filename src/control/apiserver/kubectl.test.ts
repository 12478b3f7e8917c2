// The real kubectl against a server on a memory store. Skipped where there is no kubectl.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenForTest, startTestServer, type Listener, type TestServer } from './testing/test-server.ts'

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0
const cache = mkdtempSync(join(tmpdir(), 'knarr-kubectl-'))
let running: TestServer
let listener: Listener

const start = (args: readonly string[]): ChildProcess => spawn('kubectl', ['--kubeconfig', listener.kubeconfig, '--cache-dir', cache, ...args])

/** What kubectl prints, both streams, whatever its exit code. */
const kubectl = (line: string, input?: object): Promise<string> =>
  new Promise((resolve) => {
    const child = start(line.split(' '))
    let out = ''
    child.stdout!.on('data', (chunk) => (out += String(chunk)))
    child.stderr!.on('data', (chunk) => (out += String(chunk)))
    child.on('close', () => resolve(out.trim()))
    child.stdin!.end(input ? JSON.stringify(input) : undefined)
  })

const configMap = (data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm' }, data })

describe.skipIf(!hasKubectl)('kubectl', () => {
  beforeAll(async () => {
    running = await startTestServer()
    listener = await listenForTest(running.server)
  })
  afterAll(async () => {
    await listener.stop()
    await running.stop()
    rmSync(cache, { recursive: true, force: true })
  })

  test('creates, shows, scales and patches a Deployment', async () => {
    expect(await kubectl('create deployment web --image=example/web --replicas=2')).toBe('deployment.apps/web created')
    const wide = await kubectl('get deploy web -o wide')
    expect(wide).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +0\/2 +0 +0 +\w+ +web +example\/web +app=web$/)
    expect(await kubectl('scale deploy/web --replicas=4')).toBe('deployment.apps/web scaled')
    expect(await kubectl('set image deploy/web web=example/web:2')).toBe('deployment.apps/web image updated')
    expect(await kubectl('get deploy web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].image}/{.metadata.generation}')).toBe(
      '4/example/web:2/3',
    )
    expect(await kubectl('expose deploy web --port=80')).toBe('service/web exposed')
  })

  test('applies, and says so when nothing changed', async () => {
    expect(await kubectl('apply -f -', configMap({ a: '1' }))).toBe('configmap/cm created')
    expect(await kubectl('apply -f -', configMap({ a: '1' }))).toBe('configmap/cm unchanged')
    expect(await kubectl('apply -f -', configMap({ b: '2' }))).toBe('configmap/cm configured')
    expect(await kubectl('get cm cm -o jsonpath={.data}')).toBe('{"b":"2"}')
    expect(await kubectl('apply -f -', { ...configMap({}), foo: 1 })).toMatch(/strict decoding error: unknown field "foo"/)
  })

  test('watches', async () => {
    const child = start(['get', 'configmaps', '-w', '--no-headers', '-n', 'kube-node-lease'])
    // The line may come in pieces.
    const seen = (async () => {
      let text = ''
      for await (const chunk of child.stdout!) if ((text += String(chunk)).includes('\n')) break
      return text
    })()
    await kubectl('-n kube-node-lease create configmap watched')
    expect(await seen).toMatch(/^watched +0 +\w+/)
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill()
    await closed
  })

  test('explains and lists what is served', async () => {
    expect(await kubectl('api-resources --api-group=apps --no-headers -o name')).toContain('deployments.apps')
    expect(await kubectl('explain deployment.spec.replicas')).toMatch(/GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n\nFIELD: replicas <integer>/)
  })

  test('asks who it is and what it may', async () => {
    expect(await kubectl('auth can-i create pods')).toBe('yes')
    expect(await kubectl('auth whoami')).toContain('system:masters')
    expect(await kubectl('create token default')).toMatch(/^eyJ/)
  })

  test("repeats upstream's refusals", async () => {
    expect(await kubectl('get pod nope')).toBe('Error from server (NotFound): pods "nope" not found')
    expect(await kubectl('delete ns default')).toBe('Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted')
    expect(await kubectl('-n absent create configmap x')).toBe('error: failed to create configmap: namespaces "absent" not found')
  })

  test('deletes', async () => {
    expect(await kubectl('delete deploy web')).toBe('deployment.apps "web" deleted')
    expect(await kubectl('get deploy')).toBe('No resources found in default namespace.')
  })
})
