import { spawn as spawnTerminal } from '@homebridge/node-pty-prebuilt-multiarch'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, traces } from './harness.ts'

const image = 'knarr.local/host-node'

/** Answers `/ok` with 200, `/no` with 503, `/away` with a redirect to another host; writes down what it was asked. */
const server = `require('node:http').createServer((request, response) => {
  console.log(request.method + ' ' + request.url)
  const [status, headers] = { '/no': [503, {}], '/away': [302, { location: 'http://elsewhere.example/' }] }[request.url] ?? [200, {}]
  response.writeHead(status, headers).end('here')
}).listen(8080)`

/** The gRPC health service, which serves \`shop\` and nothing else. */
const grpcServer = `require('node:http2').createServer().on('stream', (stream) => {
  const chunks = []
  stream.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
    const isShop = Buffer.concat(chunks).subarray(7).toString() === 'shop'
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...(isShop ? {} : { 'grpc-status': '5', 'grpc-message': 'unknown service' }) }, { waitForTrailers: isShop, endStream: !isShop })
    if (!isShop) return
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]))
  })
}).listen(8080)`

const sleeper = ['sleep', '1000']
const shell = (text: string) => ['sh', '-c', text]
/** Ends on SIGTERM after saying so. */
const polite = (word: string) => shell(`trap 'echo ${word}; exit 0' TERM; while :; do sleep 0.05; done`)

describe.skipIf(!isRoot)('The life of a Pod (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const before = await traces(sandbox)

  const apply = (...pods: { name: string; spec: Record<string, unknown> }[]) =>
    sandbox.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: pods.map(({ name, spec }) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { terminationGracePeriodSeconds: 1, ...spec } })),
      }),
    )
  const pod = (name: string, spec: Record<string, unknown>) => ({ name, spec })
  const main = (container: Record<string, unknown>, name = 'app') => ({ name, image, command: sleeper, ...container })
  const shown = async (name: string) => (await k('get', 'pod', name, '--no-headers')).split(/\s+/)
  const status = (name: string, path: string) => k('get', 'pod', name, '-o', `jsonpath={.status.${path}}`)
  const told = async (name: string, reason: string) =>
    (await k('get', 'events', '--field-selector', `involvedObject.name=${name},reason=${reason}`, '-o', 'jsonpath={range .items[*]}{.message}{"\\n"}{end}'))
      .split('\n')
      .filter(Boolean)
  const isShown = (name: string, ready: string, words: string) =>
    eventually(
      () => shown(name),
      ([, count, word]) => count === ready && word === words,
      `${name} is ${ready} ${words}`,
    )
  const isTold = (name: string, reason: string, text: string | RegExp) =>
    eventually(
      () => told(name, reason),
      (all) => all.some((one) => (typeof text === 'string' ? one === text : text.test(one))),
      `${reason} of ${name}: ${String(text)}`,
    )

  beforeAll(async () => {
    await sandbox.knarr('up')
    await eventually(
      () => k('get', 'serviceaccount', 'default', '-o', 'name'),
      (text) => text !== '',
      'the ServiceAccount',
    )
  })
  afterAll(() => sandbox.remove())

  it('runs init containers in order, and says where they stand', async () => {
    const waits = (file: string) => shell(`until [ -e /gate/${file} ]; do sleep 0.05; done`)
    const gate = { volumeMounts: [{ name: 'gate', mountPath: '/gate' }] }
    await apply(
      pod('ordered', {
        volumes: [{ name: 'gate', emptyDir: {} }],
        initContainers: [main({ ...gate, command: waits('one') }, 'one'), main({ ...gate, command: waits('two') }, 'two')],
        containers: [main(gate)],
      }),
      pod('failing', { initContainers: [main({ command: shell('exit 3') }, 'one')], containers: [main({})] }),
      pod('given-up', { restartPolicy: 'Never', initContainers: [main({ command: shell('exit 3') }, 'one')], containers: [main({})] }),
    )
    await isShown('ordered', '0/1', 'Init:0/2')
    expect(await status('ordered', 'containerStatuses[0].state.waiting.reason')).toBe('PodInitializing')
    await k('exec', 'ordered', '-c', 'one', '--', 'touch', '/gate/one')
    await isShown('ordered', '0/1', 'Init:1/2')
    await k('exec', 'ordered', '-c', 'two', '--', 'touch', '/gate/two')
    await isShown('ordered', '1/1', 'Running')
    await isShown('failing', '0/1', 'Init:CrashLoopBackOff')
    await isShown('given-up', '0/1', 'Init:Error')
    expect(await status('given-up', 'phase')).toBe('Failed')
  })

  it('starts sidecars before the containers they serve, restarts them, and stops them last', async () => {
    const sidecar = (name: string, more: Record<string, unknown> = {}) => main({ restartPolicy: 'Always', command: polite(`${name}-ends`), ...more }, name)
    await apply(
      pod('served', {
        terminationGracePeriodSeconds: 20,
        initContainers: [
          sidecar('first', { startupProbe: { exec: { command: ['test', '-e', '/tmp/started'] }, periodSeconds: 1, failureThreshold: 30 } }),
          sidecar('second', { lifecycle: { preStop: { exec: { command: shell('echo second-hook >/proc/1/fd/1') } } } }),
        ],
        containers: [main({ command: shell("trap 'sleep 1; echo app-ends; exit 0' TERM; while :; do sleep 0.05; done") })],
      }),
    )
    await isShown('served', '0/3', 'Init:0/2')
    await k('exec', 'served', '-c', 'first', '--', 'touch', '/tmp/started')
    await isShown('served', '3/3', 'Running')
    await k('exec', 'served', '-c', 'second', '--', 'sh', '-c', 'kill 1')
    await eventually(
      () => status('served', 'initContainerStatuses[1].restartCount'),
      (count) => count === '1',
      'the sidecar is started again',
    )
    await isShown('served', '3/3', 'Running')
    const logs = sandbox.run('kubectl', ['logs', '-f', 'served', '--all-containers'])
    await new Promise((resolve) => setTimeout(resolve, 300))
    await k('delete', 'pod', 'served')
    expect((await logs).stdout.split('\n').filter(Boolean)).toEqual(['second-hook', 'app-ends', 'second-ends', 'first-ends'])
  })

  it('lets a Job complete whose Pod has a sidecar', async () => {
    const template = {
      restartPolicy: 'Never',
      initContainers: [main({ restartPolicy: 'Always', command: polite('bye') }, 'side')],
      containers: [main({ command: shell('exit 0') })],
    }
    await sandbox.apply(JSON.stringify({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'once' }, spec: { template: { spec: template } } }))
    await k('wait', 'job/once', '--for=condition=Complete', '--timeout=20s')
    expect(await k('get', 'pods', '-l', 'job-name=once', '-o', 'jsonpath={.items[0].status.phase}')).toBe('Succeeded')
  })

  it('runs hooks, tells which failed, and is not held by one that hangs', async () => {
    await apply(
      pod('asked', {
        terminationGracePeriodSeconds: 5,
        containers: [
          main({ command: ['node', '-e', server], lifecycle: { postStart: { sleep: { seconds: 1 } }, preStop: { httpGet: { path: '/no', port: 8080 } } } }),
        ],
      }),
      pod('hanging', { containers: [main({ lifecycle: { postStart: { exec: { command: sleeper } } } })] }),
      pod('refusing', { containers: [main({ lifecycle: { postStart: { exec: { command: shell('echo why; exit 4') } } } })] }),
      pod('stubborn', { terminationGracePeriodSeconds: 3, containers: [main({ lifecycle: { preStop: { exec: { command: ['false'] } } } })] }),
    )
    await isShown('asked', '1/1', 'Running')
    const logs = sandbox.run('kubectl', ['logs', '-f', 'asked'])
    await isTold('refusing', 'FailedPostStartHook', 'PostStartHook failed')
    await isTold('refusing', 'Killing', 'FailedPostStartHook')
    await eventually(
      () => status('refusing', 'containerStatuses[0].state.waiting'),
      (state) => /PostStartHookError|CrashLoopBackOff/.test(state),
      'the hook is the reason',
    )
    await isShown('hanging', '0/1', 'ContainerCreating')
    await k('delete', 'pod', 'hanging', 'asked', 'stubborn', '--timeout=10s')
    expect((await logs).stdout).toContain('GET /no')
    await isTold('stubborn', 'FailedPreStopHook', 'PreStopHook failed')
    expect(await told('asked', 'FailedPreStopHook')).toEqual([])
  })

  it('ends at its deadline, and takes two containers apart by rules for their exit codes', async () => {
    await apply(
      pod('late', { activeDeadlineSeconds: 1, containers: [main({})] }),
      pod('ruled', {
        restartPolicy: 'Never',
        containers: [
          main({
            command: shell('exit 42'),
            restartPolicy: 'Never',
            restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
          }),
          main({ command: shell('exit 1'), restartPolicy: 'Never' }, 'other'),
        ],
      }),
    )
    await eventually(
      () => status('late', 'phase'),
      (phase) => phase === 'Failed',
      'the deadline is over',
    )
    expect(await status('late', 'reason')).toBe('DeadlineExceeded')
    expect(await status('late', 'message')).toBe('Pod was active on the node longer than the specified deadline')
    await eventually(
      () => status('ruled', 'containerStatuses[*].restartCount'),
      (counts) => /^[1-9]\d* 0$/.test(counts),
      'only the one with the rule is restarted',
    )
    await k('delete', 'pod', 'late', 'ruled', '--now', '--wait=false')
  })

  it('probes by HTTP, gRPC and command, and restarts what fails', async () => {
    const http = (path: string) => ({ httpGet: { path, port: 8080 }, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1 })
    const web = { command: ['node', '-e', server] }
    await apply(
      pod('sick', { containers: [main({ ...web, livenessProbe: { ...http('/no'), terminationGracePeriodSeconds: 1 } })] }),
      pod('moved', { containers: [main({ ...web, readinessProbe: http('/away') })] }),
      pod('unready', { containers: [main({ ...web, readinessProbe: http('/no') })] }),
      pod('shop', { containers: [main({ command: ['node', '-e', grpcServer], readinessProbe: { grpc: { port: 8080, service: 'shop' }, periodSeconds: 1 } })] }),
      pod('other-shop', { containers: [main({ command: ['node', '-e', grpcServer], readinessProbe: { grpc: { port: 8080 }, periodSeconds: 1 } })] }),
      pod('slow', { containers: [main({ startupProbe: { exec: { command: sleeper }, periodSeconds: 1, failureThreshold: 1 } })] }),
      pod('no-such', { containers: [main({ livenessProbe: { exec: { command: ['no-such-thing'] }, periodSeconds: 1, failureThreshold: 1 } })] }),
    )
    await isTold('sick', 'Unhealthy', 'Liveness probe failed: HTTP probe failed with statuscode: 503')
    await isTold('sick', 'Killing', 'Container app failed liveness probe, will be restarted')
    await isTold('moved', 'ProbeWarning', 'Readiness probe warning: Probe terminated redirects, Response body: here')
    await isShown('moved', '1/1', 'Running')
    await isShown('shop', '1/1', 'Running')
    await isTold('other-shop', 'Unhealthy', 'Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service')
    await isTold('slow', 'Unhealthy', /^Startup probe failed: command timed out: "sleep 1000" timed out after 1s$/)
    await isTold('slow', 'Killing', 'Container app failed startup probe, will be restarted')
    await isTold('no-such', 'Unhealthy', /^Liveness probe errored and resulted in unknown state: .*"no-such-thing": executable file not found in \$PATH/)
    await eventually(
      () => status('sick', 'containerStatuses[0].restartCount'),
      (count) => Number(count) > 0,
      'what is sick is restarted',
    )
    expect(await shown('unready')).toMatchObject({ 1: '0/1', 2: 'Running' })
    expect(await status('no-such', 'containerStatuses[0].restartCount')).toBe('0')
    await k('delete', 'pods', 'sick', 'unready', 'other-shop', 'slow', 'no-such', '--now', '--wait=false')
  })

  it('keeps Pods ready while the agent is killed', async () => {
    const transition = () => status('shop', 'conditions[?(@.type=="Ready")].lastTransitionTime')
    const since = await transition()
    process.kill(Number(readFileSync(join(sandbox.home, 'profiles', 'default', 'run', 'agent.pid'), 'utf8')), 'SIGKILL')
    await eventually(
      () => sandbox.kubectl('exec', 'shop', '--', 'true'),
      ({ code }) => code === 0,
      'the agent is back',
    )
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await transition()).toBe(since)
    expect(await status('shop', 'containerStatuses[0].restartCount')).toBe('0')
    await k('delete', 'pods', 'shop', 'moved', '--now', '--wait=false')
  })

  it('waits for its readiness gates', async () => {
    await apply(pod('gated', { readinessGates: [{ conditionType: 'example.com/open' }], containers: [main({})] }))
    await isShown('gated', '1/1', 'Running')
    const ready = () => status('gated', 'conditions[?(@.type=="Ready")].message')
    await eventually(ready, (text) => text === 'corresponding condition of pod readiness gate "example.com/open" does not exist.', 'it is not ready')
    expect((await k('get', 'pod', 'gated', '-o', 'wide')).trim()).toMatch(/0\/1$/)
    const opened = { status: { conditions: [{ type: 'example.com/open', status: 'True' }] } }
    await k('patch', 'pod', 'gated', '--subresource=status', '-p', JSON.stringify(opened))
    await k('wait', 'pod/gated', '--for=condition=Ready', '--timeout=10s')
    expect((await k('get', 'pod', 'gated', '-o', 'wide')).trim()).toMatch(/1\/1$/)
    await k('delete', 'pod', 'gated', '--now', '--wait=false')
  })

  it('runs its containers as who they should be, with what they may', async () => {
    const facts = shell(
      'id; grep -E "NoNewPrivs|CapBnd|CapEff" /proc/self/status; touch /x 2>&1; ls -ldn /data; touch /data/mine && ls -ln /data/mine; sleep 1000',
    )
    const data = { volumeMounts: [{ name: 'data', mountPath: '/data' }] }
    await apply(
      pod('bound', {
        securityContext: { runAsUser: 1234, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000] },
        volumes: [{ name: 'data', emptyDir: {} }],
        containers: [
          main({
            ...data,
            command: facts,
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
          }),
        ],
      }),
      pod('free', { containers: [main({ command: facts, securityContext: { privileged: true } })] }),
      pod('root', { containers: [main({ securityContext: { runAsNonRoot: true } })] }),
      pod('zero', { securityContext: { runAsNonRoot: true, runAsUser: 0 }, containers: [main({})] }),
    )
    await isShown('bound', '1/1', 'Running')
    const bound = await eventually(
      () => k('logs', 'bound'),
      (text) => text.includes('/data/mine'),
      'it has said all',
    )
    expect(bound).toMatch(/uid=1234 gid=3000 groups=3000,2000,4000/)
    expect(bound).toMatch(/CapEff:\t0+\nCapBnd:\t0+400\nNoNewPrivs:\t1\n/)
    expect(bound).toMatch(/touch: .*\/x.*Read-only file system/)
    expect(bound).toMatch(/^drwxrws\S* +\d+ +0 +2000 .* \/data$/m)
    expect(bound).toMatch(/^-\S+ +1 +1234 +2000 .* \/data\/mine$/m)
    expect(JSON.parse(await status('bound', 'containerStatuses[0].user'))).toEqual({ linux: { uid: 1234, gid: 3000, supplementalGroups: [3000, 2000, 4000] } })
    expect(await k('logs', 'free')).toMatch(/CapEff:\t0*[1-9a-f][0-9a-f]{7,}\n/)
    await isShown('root', '0/1', 'CreateContainerConfigError')
    expect(await status('root', 'containerStatuses[0].state.waiting.message')).toMatch(
      /^container has runAsNonRoot and image will run as root \(pod: "root_default\(.*\)", container: app\)$/,
    )
    expect(await status('zero', 'containerStatuses[0].state.waiting.message')).toMatch(/^container's runAsUser breaks non-root policy \(pod: "zero_default/)
    await k('delete', 'pods', 'bound', 'free', 'root', 'zero', '--now', '--wait=false')
  })

  it('is looked into by kubectl debug: beside a container, in a copy, and on the node', async () => {
    const environment = Object.fromEntries(Object.entries(sandbox.environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
    const visit = async (args: readonly string[], typed: string, pattern: RegExp) => {
      const terminal = spawnTerminal('kubectl', ['debug', ...args, '-it', `--image=${image}`, '--profile=general', '--', 'sh'], { env: environment })
      let text = ''
      terminal.onData((data) => (text += data))
      const left = new Promise((resolve) => terminal.onExit(resolve))
      await eventually(
        async () => text,
        (all) => all.includes('try pressing enter'),
        'a prompt',
      )
      terminal.write(`${typed}\r`)
      await eventually(
        async () => text,
        (all) => pattern.test(all),
        `${typed} shows ${String(pattern)}`,
        15_000,
      )
      terminal.write('exit\r')
      await left
    }
    await apply(pod('seen', { containers: [main({ command: ['sleep', '4711'] })] }))
    await isShown('seen', '1/1', 'Running')
    await visit(['seen', '--target=app', '--container=guest'], 'tr "\\0" " " </proc/1/cmdline; ls /proc/1/root/', /sleep 4711[\s\S]*etc/)
    await eventually(
      () => status('seen', 'ephemeralContainerStatuses[0].state.terminated.exitCode'),
      (code) => code === '0',
      'the guest has left',
    )
    expect(await shown('seen')).toMatchObject({ 1: '1/1', 2: 'Running', 3: '0' })
    await visit(['seen', '--copy-to=copy', '--share-processes', '--container=guest'], 'cat /proc/[0-9]*/cmdline | tr "\\0" " "', /sleep 4711/)
    await visit(['node/knarr-worker'], 'ls /host; hostname', /etc[\s\S]*knarr-worker/)
    await k('delete', 'pods', '--all', '--now', '--wait=false')
  }, 40_000)

  it('leaves nothing behind', async () => {
    await sandbox.knarr('delete')
    expect(await traces(sandbox)).toEqual(before)
  })
})
