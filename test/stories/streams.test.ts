import { spawn as spawnTerminal } from '@homebridge/node-pty-prebuilt-multiarch'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, traces } from './harness.ts'

const image = 'knarr.local/host-node'

/** A person at a terminal: types, and sees what stands there. */
interface Person {
  type(text: string): void
  /** Waits until what was shown since the last sight matches. */
  sees(pattern: RegExp): Promise<string>
  resize(columns: number, rows: number): void
  /** The exit code of the command. */
  readonly left: Promise<number>
}

describe.skipIf(!isRoot)('Streams into containers (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const before = await traces(sandbox)
  const runFolder = join(sandbox.home, 'profiles', 'default', 'run')
  const pod = (name: string, container: Record<string, unknown>) =>
    sandbox.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', containers: [{ name: 'main', image, ...container }] },
      }),
    )
  const ready = (name: string) => k('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=30s')

  const sitDown = (...args: string[]): Person => {
    const environment = Object.fromEntries(Object.entries(sandbox.environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
    const terminal = spawnTerminal('kubectl', args, { name: 'xterm', cols: 90, rows: 30, env: environment })
    let shown = ''
    terminal.onData((data) => (shown += data))
    return {
      type: (text) => terminal.write(text),
      resize: (columns, rows) => terminal.resize(columns, rows),
      left: new Promise((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode))),
      sees: async (pattern) => {
        const text = await eventually(
          async () => shown,
          (all) => pattern.test(all),
          `kubectl ${args.join(' ')} shows ${String(pattern)}`,
          15_000,
        )
        shown = text.slice(text.search(pattern) + (pattern.exec(text)?.[0].length ?? 0))
        return text
      },
    }
  }

  beforeAll(async () => {
    await sandbox.knarr('up')
    await eventually(
      () => k('get', 'serviceaccount', 'default', '-o', 'name'),
      (text) => text !== '',
      'the ServiceAccount',
    )
    await pod('shell', { command: ['sh'], stdin: true, tty: true })
    await pod('plain', { command: ['sleep', '1000'] })
    await Promise.all([ready('shell'), ready('plain')])
  })
  afterAll(() => sandbox.remove())

  it('gives exec a terminal of the container, with size, job control and exit code', async () => {
    const person = sitDown('exec', '-it', 'plain', '--', 'bash', '--norc')
    await person.sees(/\$ |# /)
    person.type('tty; stty size\r')
    await person.sees(/\/dev\/pts\/\d+\s+30 90/)
    person.resize(101, 33)
    person.type('until stty size | grep -q "^33 101"; do sleep 0.1; done; echo re-$((40+1))sized\r')
    await person.sees(/re-41sized/)
    person.type('sleep 1000\r')
    await person.sees(/sleep 1000/)
    person.type('\x1a')
    await person.sees(/Stopped +sleep 1000/)
    person.type('fg\r')
    await person.sees(/sleep 1000/)
    person.type('\x03')
    person.type('echo here-$((40+2)); exit 7\r')
    await person.sees(/here-42/)
    expect(await person.left).toBe(7)
  })

  it('leaves SIGINT and SIGQUIT to the container: nothing is ignored from the start', async () => {
    expect(await k('exec', 'plain', '--', 'grep', 'SigIgn', '/proc/1/status')).toMatch(/SigIgn:\t0+\n/)
  })

  it('attaches to the terminal of a container, also after the agent was killed', async () => {
    const person = sitDown('attach', '-it', 'shell')
    await person.sees(/If you don't see a command prompt, try pressing enter\./)
    person.type('x=kept; tty; stty size\r')
    await person.sees(/\/dev\/pts\/0\s+30 90/)
    process.kill(Number(readFileSync(join(runFolder, 'agent.pid'), 'utf8')), 'SIGKILL')
    await person.left
    await eventually(
      () => sandbox.kubectl('exec', 'shell', '--', 'true'),
      ({ code }) => code === 0,
      'the agent is back',
    )
    const again = sitDown('attach', '-it', 'shell')
    await again.sees(/try pressing enter/)
    again.type('echo still-$x\r')
    await again.sees(/still-kept/)
    again.resize(72, 20)
    again.type('until stty size | grep -q "^20 72"; do sleep 0.1; done; echo re-sized-$x\r')
    await again.sees(/re-sized-kept/)
    again.type('sleep 1000\r')
    await again.sees(/sleep 1000/)
    again.type('\x03')
    again.type('exit 3\r')
    await again.left
    const code = () => k('get', 'pod', 'shell', '-o', 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}')
    await eventually(code, (text) => text === '3', 'the shell ends with its own code')
    expect(await k('logs', 'shell')).toContain('still-kept')
  })

  it('runs an image at a terminal, passes its exit code on and removes the Pod', async () => {
    const person = sitDown('run', 'visit', '-it', '--rm', '--restart=Never', `--image=${image}`, '--', 'sh')
    await person.sees(/If you don't see a command prompt, try pressing enter\./)
    person.type('echo hi-$((1+1)); exit 4\r')
    await person.sees(/hi-2/)
    expect(await person.left).toBe(4)
    expect((await sandbox.kubectl('get', 'pod', 'visit')).stderr).toContain('NotFound')
  })

  it('ends the input of a container with its first client (stdinOnce)', async () => {
    const args = ['run', 'pipe', '-i', '--rm', '--restart=Never', `--image=${image}`, '--', 'sh', '-c', 'cat; echo end']
    const { code, stdout } = await sandbox.run('kubectl', args, 'through\n')
    expect(stdout).toContain('through\nend\n')
    expect(code).toBe(0)
  })

  it('ends a container whose terminal was killed from outside', async () => {
    await pod('frail', { command: ['sh', '-c', "trap '' HUP; sleep 4242"], tty: true })
    await ready('frail')
    const processes = async (pattern: string) => (await sandbox.run('pgrep', ['-f', pattern])).stdout.trim().split('\n').filter(Boolean)
    expect(await processes('^sleep 4242')).toHaveLength(1)
    process.kill(Number((await sandbox.run('pgrep', ['-n', '-f', '^script -q'])).stdout), 'SIGKILL')
    await eventually(
      () => k('get', 'pod', 'frail', '-o', 'jsonpath={.status.phase}'),
      (phase) => phase === 'Failed',
      'the Pod ends',
    )
    expect(await processes('^sleep 4242')).toEqual([])
  })

  it('copies large files both ways without loss', async () => {
    const [here, back] = [join(sandbox.home, '..', 'large'), join(sandbox.home, '..', 'back')]
    const data = randomBytes(30 * 1024 * 1024)
    writeFileSync(here, data)
    await k('cp', here, 'plain:/var/large')
    await k('cp', 'plain:/var/large', back, '--retries=1')
    const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    expect(sha(readFileSync(back))).toBe(sha(data))
    expect(await k('exec', 'plain', '--', 'sha256sum', '/var/large')).toContain(sha(data))
  })

  it('leaves nothing behind', async () => {
    await sandbox.knarr('delete')
    expect(await traces(sandbox)).toEqual(before)
  })
})
