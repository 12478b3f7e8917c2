import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, traces } from './harness.ts'

const image = 'knarr.local/host-node'
const bigLine = 40_000
const floodLines = 250_000

describe.skipIf(!isRoot)('Logs (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const before = await traces(sandbox)
  const pod = (name: string, spec: object) =>
    sandbox.apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { story: 'logs' } }, spec: { terminationGracePeriodSeconds: 1, ...spec } }),
    )
  const sh = (name: string, script: string) => ({ name, image, command: ['sh', '-c', script] })
  const phase = (name: string) => k('get', 'pod', name, '-o', 'jsonpath={.status.phase}')

  beforeAll(async () => {
    await sandbox.knarr('up')
    await eventually(
      () => k('get', 'serviceaccount', 'default', '-o', 'name'),
      (text) => text !== '',
      'the ServiceAccount',
    )
    await pod('two', {
      restartPolicy: 'Never',
      initContainers: [sh('init', 'echo from init')],
      containers: [sh('a', 'echo a1; echo a2; sleep 2; echo a3'), sh('b', 'echo b1; echo b2 >&2')],
    })
    await pod('long', { restartPolicy: 'Never', containers: [sh('main', `head -c ${bigLine} /dev/zero | tr '\\0' x; echo; echo end`)] })
    await pod('again', { restartPolicy: 'OnFailure', containers: [sh('main', 'echo run on $(date +%s%N); sleep 0.2; exit 1')] })
    await eventually(
      () => phase('two'),
      (text) => text === 'Succeeded',
      'both containers end',
    )
  })
  afterAll(() => sandbox.remove())

  it('shows containers, init containers, all of them, and those of a selector with prefixes', async () => {
    expect(await k('logs', 'two', '-c', 'init')).toBe('from init\n')
    expect(await k('logs', 'two', '-c', 'a')).toBe('a1\na2\na3\n')
    // kubectl asks for them in no order.
    expect((await k('logs', 'two', '--all-containers')).split('\n').filter(Boolean).toSorted()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'from init'])
    expect(await k('logs', '-l', 'story=logs', '--all-containers', '--prefix', '--tail=1', '--ignore-errors')).toContain('[pod/two/a] a3\n')
    expect((await sandbox.kubectl('logs', 'two', '-c', 'none')).stderr).toContain('container none is not valid for pod two')
  })

  it('takes the last lines, bytes, a time to begin with, and times to show', async () => {
    const stamped = await k('logs', 'two', '-c', 'a', '--timestamps')
    expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z a1\n/)
    const last = stamped.trim().split('\n').at(-1)!.split(' ')[0]!
    expect(await k('logs', 'two', '-c', 'a', `--since-time=${last}`)).toBe('a3\n')
    expect(await k('logs', 'two', '-c', 'a', '--since=1h')).toBe('a1\na2\na3\n')
    expect(await k('logs', 'two', '-c', 'a', '--tail=2')).toBe('a2\na3\n')
    expect(await k('logs', 'two', '-c', 'a', '--limit-bytes=4')).toBe('a1\na')
    const log = (query: string) => sandbox.kubectl('get', '--raw', `/api/v1/namespaces/default/pods/two/log?container=b&${query}`)
    expect((await log('stream=Stderr')).stdout).toBe('b2\n')
    expect((await log('stream=Stdout')).stdout).toBe('b1\n')
    expect((await log('tailLines=-1')).stderr).toContain('PodLogOptions "two" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0')
  })

  it('gives a line longer than a record as one line', async () => {
    await eventually(
      () => phase('long'),
      (text) => text === 'Succeeded',
      'the Pod ends',
    )
    expect(await k('logs', 'long')).toBe(`${'x'.repeat(bigLine)}\nend\n`)
  })

  it('shows the attempt before', async () => {
    await eventually(
      () => k('get', 'pod', 'again', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}'),
      (text) => Number(text) >= 1,
      'a restart',
    )
    const previous = await eventually(
      () => sandbox.kubectl('logs', 'again', '--previous'),
      ({ code }) => code === 0,
      'the log before',
    )
    expect(previous.stdout).toMatch(/^run on \d+\n$/)
    expect((await sandbox.kubectl('logs', 'two', '-c', 'b', '--previous')).stderr).toContain('previous terminated container "b" in pod "two" not found')
  })

  it('says why there is no log yet', async () => {
    await pod('imageless', { containers: [{ name: 'main', image: 'nowhere.invalid/none:1', imagePullPolicy: 'IfNotPresent' }] })
    const { stderr } = await eventually(
      () => sandbox.kubectl('logs', 'imageless'),
      (answer) => answer.stderr.includes('pull'),
      'the reason',
    )
    expect(stderr).toMatch(/container "main" in pod "imageless" is waiting to start: (trying and failing to pull image|image can't be pulled)/)
    // A stream into it is refused with words, too.
    const refused = await sandbox.kubectl('exec', 'imageless', '--', 'ls')
    expect(refused.stderr).toContain('unable to upgrade connection: container not found ("main")')
  })

  it('follows a container over the rotations of its log, and ends with it', async () => {
    await pod('flood', {
      restartPolicy: 'Never',
      containers: [sh('main', `sleep 1; exec node -e 'for (let i = 0; i < ${floodLines}; i++) console.log("line " + i + " ${'y'.repeat(60)}")'`)],
    })
    await eventually(
      () => phase('flood'),
      (text) => text === 'Running',
      'the Pod runs',
    )
    const lines = (await k('logs', '-f', 'flood')).trimEnd().split('\n')
    expect(lines.length).toBe(floodLines)
    expect(lines.every((line, at) => line.startsWith(`line ${at} `))).toBe(true)
  })

  it("shows the cluster's own processes, whose Pods come back when deleted", async () => {
    const own = () => k('get', 'pods', '-n', 'kube-system', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].ready}{"\\n"}{end}')
    const shown = 'knarr-agent-knarr-control-plane true\nkube-apiserver-knarr-control-plane true\n'
    const sorted = async () => `${(await own()).trim().split('\n').sort().join('\n')}\n`
    await eventually(sorted, (text) => text === shown, 'the mirror Pods')
    expect(await k('logs', '-n', 'kube-system', 'kube-apiserver-knarr-control-plane')).toContain('the API of knarr-default answers')
    await k('delete', 'pods', '--all', '-n', 'kube-system')
    await eventually(sorted, (text) => text === shown, 'the mirror Pods, again')
    const { stderr } = await sandbox.kubectl('exec', '-n', 'kube-system', 'kube-apiserver-knarr-control-plane', '--', 'ls')
    expect(stderr).toContain('is a process of this machine, not a container')
  })

  it('leaves nothing behind', async () => {
    await sandbox.knarr('delete')
    expect(await traces(sandbox)).toEqual(before)
  })
})
