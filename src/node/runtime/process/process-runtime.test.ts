import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'

import { createImageStore, type LocalImageStore } from '../../images/local-image-store.ts'
import type { ContainerConfig, ContainerRuntime, RuntimeContainer, SandboxConfig } from '../runtime.ts'
import { openCgroups } from './cgroups/cgroups.ts'
import { destroyAll } from './destroy.ts'
import { programInterpreter } from './host-tools.ts'
import { loopbackOnly } from './pod-network.ts'
import { createProcessRuntime } from './process-runtime.ts'

const isRoot = process.platform === 'linux' && process.getuid?.() === 0
const cgroupRoot = `knarr-test-${process.pid}`

describe.skipIf(!isRoot)('process runtime (needs root on Linux)', () => {
  let folder: string
  let images: LocalImageStore
  let runtime: ContainerRuntime
  let imageId: string
  let sandboxId: string
  let attempts = 0

  const open = () => createProcessRuntime({ directory: join(folder, 'state'), images, log: silentLog, clock: systemClock, network: loopbackOnly, cgroupRoot })

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knarr-process-'))
    images = await createImageStore({ directory: join(folder, 'images'), log: silentLog, nodeExecutable: process.execPath })
    imageId = (await images.resolve('knarr.local/host-node'))!.image.id
    runtime = await open()
    sandboxId = await runtime.runPodSandbox(sandboxConfig('main'))
  })

  afterAll(async () => {
    await runtime.close()
    await destroyAll(join(folder, 'state'), { cgroupRoot })
    rmSync(folder, { recursive: true, force: true })
  })

  const sandboxConfig = (name: string, more: Partial<SandboxConfig> = {}): SandboxConfig => ({
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    attempt: 0,
    hostname: `host-${name}`,
    hostNetwork: false,
    node: 'node-1',
    logDirectory: join(folder, 'logs', name),
    cgroupParent: `pods/${name}`,
    sysctls: {},
    ...more,
  })

  const containerConfig = (argv: readonly string[], more: Partial<ContainerConfig> = {}): ContainerConfig => ({
    name: 'c',
    attempt: ++attempts,
    imageId,
    image: 'knarr.local/host-node',
    argv,
    env: [],
    workingDir: '/',
    mounts: [],
    logPath: `c/${attempts}.log`,
    stdin: false,
    stdinOnce: false,
    tty: false,
    user: { uid: 0, gid: 0, supplementalGroups: [] },
    readOnlyRootFilesystem: false,
    privileged: false,
    noNewPrivileges: false,
    capabilities: { add: [], drop: [] },
    stopSignal: 'SIGTERM',
    resources: {},
    ...more,
  })

  const sh = (script: string, more: Partial<ContainerConfig> = {}) => containerConfig(['sh', '-c', script], more)

  async function start(config: ContainerConfig): Promise<string> {
    const id = await runtime.createContainer(sandboxId, config)
    await runtime.startContainer(id)
    return id
  }

  const inspect = async (id: string, on = runtime): Promise<RuntimeContainer> => (await on.listContainers()).find((one) => one.id === id)!

  async function ended(id: string, on = runtime): Promise<RuntimeContainer> {
    return until(async () => {
      const found = await inspect(id, on)
      return found.state === 'exited' ? found : undefined
    })
  }

  const logOf = ({ config }: RuntimeContainer) => readFileSync(join(folder, 'logs/main', config.logPath), 'utf8')
  const output = (container: RuntimeContainer) =>
    logOf(container)
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ').slice(3).join(' '))

  async function run(config: ContainerConfig): Promise<{ container: RuntimeContainer; lines: readonly string[] }> {
    const container = await ended(await start(config))
    return { container, lines: output(container) }
  }

  it('gives a container its user, groups, environment, working directory and host name', async () => {
    const { container, lines } = await run(
      sh('id -u; id -g; id -G; pwd; hostname; echo "$A|$HOME|$PATH"; echo $$', {
        user: { uid: 1000, gid: 1001, supplementalGroups: [7, 8] },
        env: [
          ['A', "it's $x"],
          ['PATH', '/usr/bin:/bin'],
        ],
        workingDir: '/srv/new',
      }),
    )
    expect(lines).toEqual(['1000', '1001', '1001 7 8', '/srv/new', 'host-main', "it's $x|/home/node|/usr/bin:/bin", '1'])
    expect(container).toMatchObject({ state: 'exited', exitCode: 0, reason: 'Completed' })
  })

  it('shows nothing of the machine but the allowlist, and takes writes into a layer of its own', async () => {
    const { lines } = await run(
      sh('ls /root /home /tmp /mnt; ls /; touch /usr/mine /etc/mine && echo written; cat /proc/self/mountinfo | grep -c knarr-process; ls -l /proc/1/cwd'),
    )
    expect(lines).toContain('written')
    expect(lines.join('\n')).not.toMatch(/\bwork\b|old_root/)
    expect(existsSync('/usr/mine')).toBe(false)
  })

  it('drops all but the default capabilities, keeps kernel settings read-only', async () => {
    const { lines } = await run(
      sh('grep CapBnd /proc/self/status; (echo x >/proc/sys/kernel/hostname) 2>/dev/null || echo refused; mount -t tmpfs x /tmp 2>/dev/null || echo refused'),
    )
    expect(lines).toEqual(['CapBnd:\t00000000a80425fb', 'refused', 'refused'])
    const added = await run(sh('grep -E "CapBnd|NoNewPrivs" /proc/self/status', { capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] }, noNewPrivileges: true }))
    expect(added.lines).toEqual(['CapBnd:\t0000000000001000', 'NoNewPrivs:\t1'])
  })

  it('has a /dev of its own, also for those who are not root', async () => {
    const { lines } = await run(
      sh('echo a >/dev/null; head -c 3 /dev/zero | wc -c; echo out >/dev/stdout; echo err >/dev/stderr; test -w /dev/shm && echo shm; ls /dev | tr "\\n" " "', {
        user: { uid: 1000, gid: 1000, supplementalGroups: [] },
      }),
    )
    expect([...lines].sort()).toEqual(['3', 'err', 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ', 'out', 'shm'])
  })

  it('mounts volumes, nested and read-only ones, through links of the image', async () => {
    const volume = join(folder, 'volume with blank')
    mkdirSync(volume)
    writeFileSync(join(volume, 'file'), 'content\n')
    const mounts = [
      { hostPath: join(volume, 'file'), containerPath: '/etc/hosts', readOnly: false },
      { hostPath: volume, containerPath: '/var/run/secrets/x', readOnly: true },
      { hostPath: volume, containerPath: '/data', readOnly: false },
      { hostPath: volume, containerPath: '/usr/share/deep/er', readOnly: false },
    ]
    const { lines } = await run(
      sh('cat /etc/hosts /run/secrets/x/file /usr/share/deep/er/file; touch /var/run/secrets/x/a 2>/dev/null || echo refused; echo mine >/data/mine', {
        mounts,
      }),
    )
    expect(lines).toEqual(['content', 'content', 'content', 'refused'])
    expect(readFileSync(join(volume, 'mine'), 'utf8')).toBe('mine\n')
  })

  it('keeps a read-only root read-only', async () => {
    const { lines } = await run(sh('touch /x /usr/x 2>/dev/null || echo refused; cat /proc/1/comm', { readOnlyRootFilesystem: true, workingDir: '/made' }))
    expect(lines).toEqual(['refused', 'sh'])
  })

  it('runs Node, and logs in the CRI format with long and unfinished lines', async () => {
    const { container } = await run(containerConfig(['node', '-e', 'process.stdout.write("x".repeat(20000) + "\\nlast"); console.error("e")']))
    const lines = logOf(container).trim().split('\n')
    expect(lines.filter((line) => line.includes(' stdout ')).map((line) => `${line.split(' ')[2]} ${line.split(' ')[3]!.length}`)).toEqual([
      'P 16384',
      'F 3616',
      'P 4',
    ])
    expect(lines.find((line) => line.includes(' stderr '))).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stderr F e$/)
  })

  it.each([
    ['exit 7', 7, 'Error'],
    ['kill -9 $(exec sh -c \'echo $PPID\'); sh -c "kill -9 \\$\\$"', 137, 'Error'],
  ])('reports how it ended: %s', async (script, exitCode, reason) => {
    expect((await run(sh(script))).container).toMatchObject({ exitCode, reason })
  })

  it('stops by signal, and by force when the grace period is over', async () => {
    const polite = await start(sh('trap "echo bye; exit 3" TERM; while :; do sleep 0.05; done'))
    await until(async () => existsSync(join(folder, 'logs/main')) || undefined)
    await systemClock.sleep(100)
    await runtime.stopContainer(polite, 10)
    expect(await inspect(polite)).toMatchObject({ exitCode: 3 })
    expect(output(await inspect(polite))).toEqual(['bye'])
    const deaf = await start(containerConfig(['sleep', '1000']))
    await runtime.stopContainer(deaf, 0.2)
    expect(await inspect(deaf)).toMatchObject({ exitCode: 137, reason: 'Error' })
    await runtime.stopContainer(deaf, 0)
  })

  it.each([
    ['nothing-here', 'exec: "nothing-here": executable file not found in $PATH'],
    ['/no/such', 'exec: "/no/such": stat /no/such: no such file or directory'],
    ['/etc/passwd', 'exec: "/etc/passwd": permission denied'],
  ])('refuses to start %s as upstream does', async (command, message) => {
    const id = await runtime.createContainer(sandboxId, containerConfig([command]))
    await expect(runtime.startContainer(id)).rejects.toThrow(message)
    expect(await inspect(id)).toMatchObject({ state: 'exited', exitCode: 128, reason: 'StartError', message: expect.stringContaining(message) as string })
  })

  it('starts an image that holds nothing but the program', async () => {
    const context = join(folder, 'bare')
    mkdirSync(context)
    const loader = programInterpreter(realpathSync('/bin/sh'))!
    const libc = ['/lib/x86_64-linux-gnu/libc.so.6', '/lib/aarch64-linux-gnu/libc.so.6', '/lib64/libc.so.6'].find((path) => existsSync(path))
    for (const [from, to] of [['/bin/sh', 'sh'], [loader, 'loader'], ...(libc ? [[libc, 'libc.so.6'] as const] : [])] as const)
      copyFileSync(from, join(context, to))
    writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nCOPY sh /sh\nCOPY loader ${loader}\n${libc ? `COPY libc.so.6 ${libc}\n` : ''}`)
    const image = await images.build({ context, tag: 'bare' })
    const { lines } = await run(
      containerConfig(['/sh', '-c', 'echo /*; echo $$'], { imageId: image.id, user: { uid: 65_532, gid: 65_532, supplementalGroups: [] } }),
    )
    expect(lines).toEqual(['/dev /lib /lib64 /proc /sh /sys', '1'])
  })

  it('runs an image that was built on this machine, below its own folders too', async () => {
    const context = join(folder, 'built')
    mkdirSync(context)
    writeFileSync(join(context, 'main.js'), 'console.log(process.cwd(), process.env.MODE)\n')
    writeFileSync(
      join(context, 'Dockerfile'),
      'FROM knarr.local/host-node\nWORKDIR /usr/src/app\nCOPY main.js .\nCOPY main.js /etc/ssl/certs/\nENV MODE=test\n',
    )
    const image = await images.build({ context, tag: 'built' })
    const env = image.config.env.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
    const { lines } = await run(
      sh('node main.js; ls /etc/ssl/certs | grep -c .; ls /etc/ssl/certs/main.js', { imageId: image.id, workingDir: image.config.workingDir, env }),
    )
    expect(lines).toEqual(['/usr/src/app test', expect.stringMatching(/^\d+$/), '/etc/ssl/certs/main.js'])
  })

  it('shares the node network with a hostNetwork Pod, and sets the sysctls of others', async () => {
    const hostSandbox = await runtime.runPodSandbox(sandboxConfig('host', { hostNetwork: true }))
    const other = await runtime.runPodSandbox(sandboxConfig('other', { sysctls: { 'net.ipv4.ip_forward': '1' } }))
    const namespaceOf = async (sandbox: string) => {
      const id = await runtime.createContainer(sandbox, sh('readlink /proc/self/ns/net; cat /proc/sys/net/ipv4/ip_forward', { logPath: 'c.log' }))
      await runtime.startContainer(id)
      await ended(id)
      const name = (await runtime.listPodSandboxes()).find((one) => one.id === sandbox)!.config.name
      return readFileSync(join(folder, 'logs', name, 'c.log'), 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[3])
    }
    expect((await namespaceOf(hostSandbox))[0]).toBe(readlinkSync('/proc/self/ns/net'))
    const own = await namespaceOf(other)
    expect(own[0]).not.toBe(readlinkSync('/proc/self/ns/net'))
    expect(own[1]).toBe('1')
  })

  it('kills what takes more memory than its limit, and says so', async () => {
    if (openCgroups(cgroupRoot).version === 0) return
    const { container } = await run(
      containerConfig(['node', '-e', 'const all = []; for (;;) all.push(Buffer.alloc(4 << 20, 1))'], {
        resources: { memoryLimitBytes: 96 << 20, cpuShares: 256, cpuQuotaMicros: 100_000 },
      }),
    )
    expect(container).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  it('runs commands in a running container: input, output, exit code, terminal', async () => {
    const id = await start(
      sh('echo mine >/tmp/mark; exec sleep 1000', { env: [['A', 'b']], user: { uid: 1000, gid: 1000, supplementalGroups: [] }, workingDir: '/tmp' }),
    )
    await until(
      async () => (await runtime.exec(id, { command: ['test', '-e', '/tmp/mark'], tty: false, stdin: false }).then(({ exited }) => exited)) === 0 || undefined,
    )
    const session = await runtime.exec(id, {
      command: ['sh', '-c', 'cat; cat /tmp/mark; id -u; pwd; echo $A; hostname; echo oops >&2; exit 5'],
      tty: false,
      stdin: true,
    })
    session.stdin!.end('input\n')
    const [out, err, code] = await Promise.all([text(session.stdout), text(session.stderr!), session.exited])
    expect({ out: out.split('\n'), err, code }).toEqual({ out: ['input', 'mine', '1000', '/tmp', 'b', 'host-main', ''], err: 'oops\n', code: 5 })
    await expect(runtime.exec(id, { command: ['nope'], tty: false, stdin: false })).rejects.toThrow('exec: "nope": executable file not found in $PATH')
    const terminal = await runtime.exec(id, { command: ['sh', '-c', 'test -t 0 && stty size'], tty: true, stdin: true })
    expect(await text(terminal.stdout)).toBe('24 80\r\n')
    expect(await terminal.exited).toBe(0)
    const many = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const one = await runtime.exec(id, { command: ['sh', '-c', `echo ${index}${index < 3 ? ' >/dev/stdout' : ''}`], tty: false, stdin: false })
        return text(one.stdout)
      }),
    )
    expect(many).toEqual(['0\n', '1\n', '2\n', '3\n', '4\n', '5\n'])
    expect((await runtime.stats!(id))!.memoryBytes).toBeGreaterThan(0)
    const endless = await runtime.exec(id, { command: ['sleep', '1000'], tty: false, stdin: false })
    endless.kill()
    expect(await endless.exited).toBe(137)
    const killed = await runtime.exec(id, { command: ['sh', '-c', 'kill -9 $$'], tty: false, stdin: false })
    expect(await killed.exited).toBe(137)
    await runtime.removeContainer(id)
  })

  it('leaves containers running when it closes; the next one adopts them and loses no line', async () => {
    const running = await start(sh('i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; sleep 0.3; echo after; exec sleep 1000'))
    const brief = await start(sh('sleep 0.2; echo last words; exit 4'))
    await runtime.close()
    await systemClock.sleep(600)
    runtime = await open()
    expect(await inspect(running)).toMatchObject({ state: 'running' })
    expect((await runtime.listPodSandboxes()).find(({ id }) => id === sandboxId)).toMatchObject({ state: 'ready', config: { name: 'main' } })
    const over = await ended(brief)
    expect(over).toMatchObject({ exitCode: 4, reason: 'Error' })
    expect(output(over)).toEqual(['last words'])
    const lines = await until(async () => (output(await inspect(running)).includes('after') ? output(await inspect(running)) : undefined))
    expect(lines).toEqual([...Array.from({ length: 300 }, (_, index) => `line ${index}`), 'after'])
    await runtime.stopContainer(running, 0)
  })

  it('does every verb twice without harm', async () => {
    const config = sandboxConfig('twice')
    const id = await runtime.runPodSandbox(config)
    expect(await runtime.runPodSandbox(config)).toBe(id)
    const wanted = containerConfig(['sleep', '1000'])
    const container = await runtime.createContainer(id, wanted)
    expect(await runtime.createContainer(id, wanted)).toBe(container)
    await Promise.all([runtime.startContainer(container), runtime.startContainer(container)])
    await Promise.all([runtime.stopPodSandbox(id), runtime.stopPodSandbox(id)])
    expect(await inspect(container)).toMatchObject({ state: 'exited', exitCode: 137 })
    await runtime.removePodSandbox(id)
    await runtime.removePodSandbox(id)
    expect((await runtime.listPodSandboxes()).some((one) => one.id === id)).toBe(false)
  })

  it('is destroyed without a trace', async () => {
    await start(containerConfig(['sleep', '1000']))
    const state = join(folder, 'state')
    const marker = (pid: string) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(state) || readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(state)
      } catch {
        return false
      }
    }
    const traces = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name) && marker(name))
    expect(traces()).not.toEqual([])
    await runtime.close()
    await destroyAll(state, { cgroupRoot })
    expect(traces()).toEqual([])
    expect(existsSync(state)).toBe(false)
    expect(openCgroups(cgroupRoot).processes('')).toEqual([])
    expect(existsSync(`/sys/fs/cgroup/memory/${cgroupRoot}`) || existsSync(`/sys/fs/cgroup/${cgroupRoot}`)).toBe(false)
    await destroyAll(state, { cgroupRoot })
  })
})

async function until<T>(probe: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = performance.now() + 10_000; ;) {
    const found = await probe()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error('it did not come about in 10 s')
    await systemClock.sleep(10)
  }
}
