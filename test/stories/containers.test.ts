import { existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, traces } from './harness.ts'

const image = 'knarr.local/host-node'
const hasMemoryGroups = existsSync('/sys/fs/cgroup/memory/tasks') || existsSync('/sys/fs/cgroup/cgroup.controllers')

describe.skipIf(!isRoot)('containers of a Pod (needs root)', async () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const folder = mkdtempSync(join(tmpdir(), 'knarr-host-'))
  const before = await traces(sandbox)
  const pod = (name: string, containers: readonly object[], spec: object = {}) =>
    sandbox.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { terminationGracePeriodSeconds: 0, restartPolicy: 'Never', containers: containers.map((one, i) => ({ name: `c${i}`, image, ...one })), ...spec },
      }),
    )
  const sleeping = { command: ['sleep', '1000'] }
  const ready = (...names: string[]) => k('wait', ...names.map((name) => `pod/${name}`), '--for=condition=Ready', '--timeout=30s')
  const inside = (name: string, container: string, script: string) => k('exec', name, '-c', container, '--', 'sh', '-c', script)
  const jsonOf = async (name: string) => JSON.parse(await k('get', 'pod', name, '-o', 'json'))

  beforeAll(async () => {
    await sandbox.knarr('up')
    await eventually(
      () => k('get', 'serviceaccount', 'default', '-o', 'name'),
      (text) => text !== '',
      'the ServiceAccount',
    )
  })
  afterAll(async () => {
    await sandbox.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  it('share one network, one host name, one IPC namespace and 64 MiB of /dev/shm, and not their processes', async () => {
    await pod('shared', [{ command: ['node', '-e', 'require("node:http").createServer((_, answer) => answer.end("hello")).listen(8080)'] }, sleeping])
    await ready('shared')
    await inside('shared', 'c0', 'echo mine >/dev/shm/mark')
    expect(await inside('shared', 'c1', 'cat /dev/shm/mark; df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f1,2; hostname')).toBe(
      'mine\nshm 65536\nshared\n',
    )
    const links = 'readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts; readlink /proc/self/ns/pid'
    const [one, other] = [(await inside('shared', 'c0', links)).split('\n'), (await inside('shared', 'c1', links)).split('\n')]
    expect(one.slice(0, 3)).toEqual(other.slice(0, 3))
    expect(one[3]).not.toBe(other[3])
    const fetched = await inside('shared', 'c1', `node -e 'fetch("http://localhost:8080").then((answer) => answer.text()).then(console.log)'`)
    expect(fetched).toBe('hello\n')
  })

  it('see each other where the Pod says so; what a container leaves behind ends with it', async () => {
    const leaver = { command: ['sh', '-c', 'echo $$$$ >/dev/shm/leaver; (exec sleep 4321) & exec sleep 1000'] }
    await pod(
      'together',
      [
        { ...leaver, name: 'leaver' },
        { ...sleeping, name: 'other' },
      ],
      { shareProcessNamespace: true, restartPolicy: 'Always' },
    )
    await ready('together')
    const others = () => inside('together', 'other', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')
    expect(await others()).toMatch(/sleep 4321/)
    expect((await inside('together', 'other', 'cat /proc/1/comm')).trim()).toBe('sh')
    await inside('together', 'other', 'kill -9 $(cat /dev/shm/leaver)')
    await eventually(
      () => jsonOf('together'),
      ({ status }) => status.containerStatuses[0].restartCount === 1 && 'running' in status.containerStatuses[0].state,
      'the container that was killed is started again',
    )
    expect((await jsonOf('together')).status.containerStatuses[1].restartCount).toBe(0)
    expect((await others()).match(/sleep 4321/g)).toHaveLength(1)
  })

  it("see the machine's processes and IPC where the Pod says so, and leave none behind", async () => {
    await pod('host', [{ command: ['sh', '-c', 'sleep 7654 & exec sleep 7653'] }], { hostPID: true, hostIPC: true })
    await ready('host')
    expect(await inside('host', 'c0', 'readlink /proc/self/ns/pid /proc/self/ns/ipc')).toBe(
      ['pid', 'ipc'].map((name) => `${readlinkSync(`/proc/self/ns/${name}`)}\n`).join(''),
    )
    await k('delete', 'pod', 'host')
    await gone(() => running('7654'), 'the processes')
  })

  it.skipIf(!hasMemoryGroups)('are killed with OOMKilled and 137 for taking too much, and are held below what their Pod may take', async () => {
    const greedy = {
      command: ['node', '-e', 'const all = []; for (;;) all.push(Buffer.alloc(4 << 20, 1))'],
      resources: { limits: { memory: '64Mi', cpu: '1' } },
    }
    await pod('greedy', [greedy, { ...sleeping, resources: { limits: { memory: '16Mi', cpu: '250m' } } }])
    const { status, metadata } = await eventually(
      () => jsonOf('greedy'),
      (found) => found.status.containerStatuses?.[0].state.terminated !== undefined,
      'the end of the greedy container',
    )
    expect(status.containerStatuses[0].state.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
    expect(status.qosClass).toBe('Guaranteed')
    const group = groupsOf(`pod${metadata.uid}`)[0]!
    expect(group).toMatch(/\/kubepods\/pod/)
    expect(memoryLimitOf(group)).toBe(String(80 * 2 ** 20))
    await k('delete', 'pod', 'greedy')
    await gone(() => groupsOf(`pod${metadata.uid}`), 'the control groups')
  })

  it('are told their own limits and requests, or what the node has', async () => {
    const reference = (resource: string, divisor = '0') => ({ resourceFieldRef: { containerName: 'c0', resource, divisor } })
    const env = [
      { name: 'CPU', valueFrom: reference('limits.cpu', '1m') },
      { name: 'MEMORY', valueFrom: reference('requests.memory', '1Mi') },
      { name: 'OPEN', valueFrom: reference('limits.memory', '1Ki') },
    ]
    await pod(
      'told',
      [
        {
          command: ['sh', '-c', 'echo $CPU $MEMORY $OPEN $(cat /told/cpu)'],
          env,
          resources: { limits: { cpu: '250m' }, requests: { memory: '10Mi' } },
          volumeMounts: [{ name: 'told', mountPath: '/told' }],
        },
      ],
      { volumes: [{ name: 'told', downwardAPI: { items: [{ path: 'cpu', ...reference('limits.cpu') }] } }] },
    )
    await k('wait', 'pod/told', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s')
    const [allocatable = ''] = (await k('get', 'nodes', '-o', 'jsonpath={.items[0].status.allocatable.memory}')).split('Ki')
    expect(await k('logs', 'told')).toBe(`250 10 ${allocatable} 1\n`)
  })

  it("are given the machine's files, checked by type, with upstream's Event where one is not what it is said to be", async () => {
    writeFileSync(join(folder, 'file'), 'from the machine\n')
    const volume = (name: string, path: string, type: string) => ({ name, hostPath: { path: join(folder, path), type } })
    const mounts = ['file', 'made', 'touched'].map((name) => ({ name, mountPath: `/host/${name}` }))
    await pod('files', [{ command: ['sh', '-c', 'cat /host/file; echo from the Pod >/host/made/x; echo y >/host/touched'], volumeMounts: mounts }], {
      volumes: [volume('file', 'file', 'File'), volume('made', 'a/b', 'DirectoryOrCreate'), volume('touched', 'touched', 'FileOrCreate')],
    })
    await pod('refused', [sleeping], { volumes: [volume('data', 'file', 'Directory')] })
    await k('wait', 'pod/files', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=30s')
    expect(await k('logs', 'files')).toBe('from the machine\n')
    expect([readFileSync(join(folder, 'a/b/x'), 'utf8'), readFileSync(join(folder, 'touched'), 'utf8')]).toEqual(['from the Pod\n', 'y\n'])
    expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(0o755)
    const words = `MountVolume.SetUp failed for volume "data" : hostPath type check failed: ${join(folder, 'file')} is not a directory`
    await eventually(
      () => k('get', 'events', '--field-selector=involvedObject.name=refused,reason=FailedMount', '-o', 'jsonpath={.items[*].message}'),
      (text) => text.includes(words),
      'the Event',
    )
    expect(await k('get', 'pod', 'refused', '--no-headers')).toMatch(/0\/1 +ContainerCreating/)
  })

  it('leave nothing on the machine', async () => {
    await sandbox.knarr('delete')
    expect(await traces(sandbox)).toEqual(before)
  })
})

const gone = (left: () => readonly string[], what: string) =>
  eventually(
    async () => left(),
    (found) => found.length === 0,
    `${what} are gone`,
  )

const running = (argument: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${argument}\0`
    } catch {
      return false
    }
  })

const groupsOf = (name: string): string[] =>
  ['/sys/fs/cgroup/memory', '/sys/fs/cgroup']
    .filter((root) => existsSync(root))
    .flatMap((root) => readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path)))
    .filter((path) => path.endsWith(`/${name}`))

const memoryLimitOf = (group: string): string =>
  ['memory.limit_in_bytes', 'memory.max'].flatMap((file) => (existsSync(join(group, file)) ? [readFileSync(join(group, file), 'utf8').trim()] : []))[0] ?? ''
