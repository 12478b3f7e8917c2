import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, traces } from './harness.ts'

const image = 'knarr.local/host-node'

describe.skipIf(!isRoot)('Pods on nodes under stress (needs root)', async () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const before = await traces(sandbox)
  const run = (name: string, spec: Record<string, unknown>, container: Record<string, unknown> = {}) =>
    sandbox.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, labels: { story: name } },
        spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', containers: [{ name: 'main', image, ...container }], ...spec },
      }),
    )
  const state = async (name: string) => JSON.parse(await k('get', 'pod', name, '-o', 'jsonpath={.status}'))
  const ended = (name: string) =>
    eventually(
      () => state(name),
      (status) => status.phase === 'Succeeded' || status.phase === 'Failed',
      `${name} ends`,
    )
  const ready = (name: string) => k('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=30s')

  beforeAll(async () => {
    await sandbox.knarr('up')
    await k('create', 'configmap', 'settings', '--from-literal=A=one')
    await eventually(
      () => k('get', 'serviceaccount', 'default', '-o', 'name'),
      (text) => text !== '',
      'the ServiceAccount',
    )
  })
  afterAll(() => sandbox.remove())

  it('takes the end of the log as the last words, and the file where one was written', async () => {
    const policy = { terminationMessagePolicy: 'FallbackToLogsOnError' }
    await run('from-log', {}, { ...policy, command: ['sh', '-c', 'echo last words; exit 4'] })
    await run('from-file', {}, { ...policy, command: ['sh', '-c', 'echo no; printf yes >/dev/termination-log; exit 4'] })
    await run('in-peace', {}, { ...policy, command: ['sh', '-c', 'echo all is well'] })
    expect((await ended('from-log')).containerStatuses[0].state.terminated).toMatchObject({ exitCode: 4, message: 'last words\n' })
    expect((await ended('from-file')).containerStatuses[0].state.terminated.message).toBe('yes')
    expect((await ended('in-peace')).containerStatuses[0].state.terminated.message).toBeUndefined()
  })

  it('tells of a command that is not there as of a container that has ended', async () => {
    await run('missing', {}, { command: ['/no/such'] })
    expect((await ended('missing')).containerStatuses[0].state.terminated).toMatchObject({ exitCode: 128, reason: 'StartError' })
  })

  it('kills what takes too much memory', async () => {
    await run(
      'greedy',
      {},
      { command: ['node', '-e', 'const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1))'], resources: { limits: { memory: '64Mi' } } },
    )
    expect((await ended('greedy')).containerStatuses[0].state.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  it('lets a user without rights write to a sub-path of a group volume, and to nothing else', async () => {
    await run(
      'confined',
      { securityContext: { runAsUser: 1234, fsGroup: 3456 }, volumes: [{ name: 'data', emptyDir: {} }] },
      {
        command: ['sh', '-c', 'touch /data/x && stat -c %u:%g /data/x; touch /x 2>&1; grep CapBnd /proc/self/status'],
        securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'deep/er' }],
      },
    )
    await ended('confined')
    expect(await k('logs', 'confined')).toMatch(/^1234:3456\ntouch: .*Read-only file system\nCapBnd:\t0{16}\n$/)
  })

  it('refuses root where a Pod may not run as root', async () => {
    await run('nonroot', { securityContext: { runAsNonRoot: true } }, { command: ['sleep', '1000'] })
    const status = await eventually(
      () => state('nonroot'),
      ({ containerStatuses }) => containerStatuses?.[0].state.waiting?.reason === 'CreateContainerConfigError',
      'the refusal',
    )
    expect(status.containerStatuses[0].state.waiting.message).toMatch(/^container has runAsNonRoot and image will run as root \(pod: "nonroot_default/)
  })

  it('changes a ConfigMap volume in place, but no sub-path of it', async () => {
    await run(
      'reader',
      { volumes: [{ name: 'settings', configMap: { name: 'settings' } }] },
      {
        command: ['sleep', '1000'],
        volumeMounts: [
          { name: 'settings', mountPath: '/settings' },
          { name: 'settings', mountPath: '/fixed', subPath: 'A' },
        ],
      },
    )
    await ready('reader')
    await k('patch', 'configmap', 'settings', '-p', '{"data":{"A":"two"}}')
    await eventually(
      () => k('exec', 'reader', '--', 'cat', '/settings/A', '/fixed'),
      (text) => text === 'twoone',
      'the new value',
    )
  })

  it('makes a Pod whose sandbox was killed anew', async () => {
    await run('bereft', { restartPolicy: 'Always' }, { command: ['sleep', '1000'] })
    await ready('bereft')
    const folder = join(sandbox.home, 'profiles', 'default', 'runtime', 'sandboxes')
    const records = readdirSync(folder).map((id) => JSON.parse(readFileSync(join(folder, id, 'record.json'), 'utf8')))
    process.kill(records.find(({ config }) => config.name === 'bereft').holder.pid, 'SIGKILL')
    await eventually(
      () => state('bereft'),
      ({ containerStatuses }) => containerStatuses[0].restartCount === 1 && containerStatuses[0].ready,
      'it runs again',
    )
    expect(await k('describe', 'pod', 'bereft')).toContain('Pod sandbox changed, it will be killed and re-created.')
  })

  it('leaves no control group of a Pod that is gone', async () => {
    const { uid } = JSON.parse(await k('get', 'pod', 'bereft', '-o', 'jsonpath={.metadata}'))
    const groups = async () => (await sandbox.run('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `pod${uid}`])).stdout
    await k('delete', 'pod', 'bereft')
    await eventually(groups, (text) => text === '', 'the groups are gone')
  })

  it('drains a node by evictions and takes it back', async () => {
    await k('create', 'deployment', 'web', `--image=${image}`, '--replicas=3', '--', 'sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done')
    await k('rollout', 'status', 'deployment/web', '--timeout=30s')
    const node = 'knarr-worker'
    await k('drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=60s')
    await k('rollout', 'status', 'deployment/web', '--timeout=30s')
    expect(await k('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.nodeName}')).not.toMatch(/knarr-worker( |$)/)
    await k('uncordon', node)
  })

  it('registers a node again that was deleted', async () => {
    const uid = () => k('get', 'node', 'knarr-worker', '-o', 'jsonpath={.metadata.uid}')
    const first = await uid()
    await k('delete', 'node', 'knarr-worker')
    await eventually(uid, (text) => text !== '' && text !== first, 'a new Node')
    await k('wait', 'node/knarr-worker', '--for=condition=Ready', '--timeout=30s')
  })

  it('leaves nothing when deleted with its Pods running', async () => {
    expect((await sandbox.knarr('delete', '--all')).code).toBe(0)
    await eventually(
      () => traces(sandbox),
      (lines) => lines.every((line) => before.includes(line)),
      'nothing is left',
      5000,
    )
    expect(execFileSync('mount', { encoding: 'utf8' })).not.toContain(sandbox.home)
  })
})
