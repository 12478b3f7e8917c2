import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot } from './harness.ts'

const hasRegistry = spawnSync('docker-registry', ['--version']).error === undefined
const hasSkopeo = spawnSync('skopeo', ['--version']).error === undefined
/** ann:secret, as htpasswd -B writes it. */
const htpasswd = 'ann:$2b$05$whXxkAE3YSLf51ATJwPOKekWCja9gkljWLk43qaC.FOmJFBLmBft6\n'

describe.skipIf(!isRoot || !hasRegistry)('images from registries (needs root and docker-registry)', () => {
  const sandbox = createSandbox()
  const base = dirname(sandbox.home)
  const { k } = sandbox
  let registry: ChildProcess
  let host: string

  const freePort = () =>
    new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as AddressInfo
        probe.close(() => resolve(port))
      })
    })
  const knarr = async (...args: string[]) => {
    const answer = await sandbox.knarr(...args)
    if (answer.code !== 0) throw new Error(`knarr ${args.join(' ')}: ${answer.stdout}${answer.stderr}`)
    return answer.stdout
  }
  /** A few programs of this machine with the libraries they need, from nothing. */
  const build = async (tag: string, word: string) => {
    const context = join(base, `context-${word}`)
    mkdirSync(context, { recursive: true })
    const libraries = ['/bin/sh', '/bin/sleep'].flatMap((program) => [
      program,
      ...(spawnSync('ldd', [program], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? []),
    ])
    for (const file of new Set(libraries)) {
      mkdirSync(join(context, 'root', dirname(file)), { recursive: true })
      writeFileSync(join(context, 'root', file), readFileSync(file), { mode: 0o755 })
    }
    writeFileSync(
      join(context, 'Dockerfile'),
      `FROM scratch AS tools\nCOPY root /\nFROM tools\nRUN echo ${word} >/word\nCMD ["/bin/sh", "-c", "read w </word; echo $w; exec sleep 1000"]\n`,
    )
    return knarr('image', 'build', context, '-t', tag)
  }
  const run = (name: string, image: string, spec: Record<string, unknown> = {}, policy = 'Always') =>
    sandbox.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image, imagePullPolicy: policy }], ...spec },
      }),
    )
  const ready = (name: string) => k('wait', `pod/${name}`, '--for=condition=Ready', '--timeout=30s')
  const waiting = (name: string, reason: string) =>
    eventually(
      async () => JSON.parse(await k('get', 'pod', name, '-o', 'jsonpath={.status.containerStatuses[0].state}'))?.waiting,
      (state) => state?.reason === reason,
      `${name} waits for ${reason}`,
    )
  const imageID = (name: string) => k('get', 'pod', name, '-o', 'jsonpath={.status.containerStatuses[0].imageID}')

  beforeAll(async () => {
    host = `127.0.0.1:${await freePort()}`
    writeFileSync(join(base, 'htpasswd'), htpasswd)
    const storage = `storage: {filesystem: {rootdirectory: ${base}/registry}}`
    writeFileSync(join(base, 'registry.yml'), `version: 0.1\n${storage}\nhttp: {addr: ${host}}\nauth: {htpasswd: {realm: r, path: ${base}/htpasswd}}\n`)
    registry = spawn('docker-registry', ['serve', join(base, 'registry.yml')], { stdio: 'ignore' })
    mkdirSync(join(base, '.docker'))
    writeFileSync(join(base, '.docker/config.json'), JSON.stringify({ auths: { [host]: { auth: Buffer.from('ann:secret').toString('base64') } } }))
    mkdirSync(sandbox.home, { recursive: true })
    writeFileSync(
      join(sandbox.home, 'registries.yaml'),
      `mirrors:\n  docker.io:\n    endpoint: ["http://${host}"]\nconfigs:\n  "${host}":\n    auth: {username: ann, password: secret}\n`,
    )
    await knarr('up')
    await build('first', 'one')
    await eventually(
      () => sandbox.run('curl', ['-s', '-o', '/dev/null', `http://${host}/v2/`]),
      ({ code }) => code === 0,
      'the registry',
    )
    for (const name of [`${host}/team/app:v1`, `${host}/library/web:latest`]) {
      await knarr('image', 'tag', 'first', name)
      await knarr('image', 'push', name)
      await knarr('image', 'rm', name)
    }
  }, 60_000)
  afterAll(async () => {
    registry?.kill()
    await sandbox.remove()
  })

  it('are refused to who may not have them, and given to who brings a secret, also by the ServiceAccount', async () => {
    const name = `${host.replace('127.0.0.1', 'registry.localhost')}/team/app:v1`
    await run('nobody', name)
    expect((await waiting('nobody', 'ErrImagePull')).message).toContain('pull access denied, repository does not exist or may require authorization')
    await k('create', 'secret', 'docker-registry', 'login', `--docker-server=${name.split('/')[0]!}`, '--docker-username=ann', '--docker-password=secret')
    await run('ann', name, { imagePullSecrets: [{ name: 'login' }] })
    await ready('ann')
    expect(await imageID('ann')).toMatch(new RegExp(`^registry\\.localhost:\\d+/team/app@sha256:[0-9a-f]{64}$`))
    expect(await k('logs', 'ann')).toBe('one\n')
    await k('patch', 'serviceaccount', 'default', '-p', '{"imagePullSecrets":[{"name":"login"}]}')
    await run('by-account', name)
    await ready('by-account')
    expect(await k('get', 'events', '--field-selector', 'involvedObject.name=ann,reason=Pulled', '-o', 'jsonpath={.items[0].message}')).toMatch(
      /^Successfully pulled image ".*" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\.$/,
    )
  })

  it('come by their short names through a mirror of docker.io', async () => {
    await k('create', 'deployment', 'web', '--image=web')
    await k('rollout', 'status', 'deployment/web', '--timeout=30s')
    expect(await k('logs', 'deployment/web')).toBe('one\n')
  })

  it('are looked up anew each time with the policy Always, and only then', async () => {
    await build('second', 'two')
    await knarr('image', 'tag', 'second', `${host}/library/web:latest`)
    await knarr('image', 'push', `${host}/library/web:latest`)
    await run('kept', 'web', {}, 'IfNotPresent')
    await run('fresh', 'web', {}, 'Always')
    await Promise.all([ready('kept'), ready('fresh')])
    expect([await k('logs', 'kept'), await k('logs', 'fresh')]).toEqual(['one\n', 'two\n'])
    await run('never', 'no-such', {}, 'Never')
    expect((await waiting('never', 'ErrImageNeverPull')).message).toBe('Container image "no-such" is not present with pull policy of Never')
  })

  it('can be deleted while they are on their way', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    await run('stuck', `127.0.0.1:${(silent.address() as AddressInfo).port}/never:1`)
    await waiting('stuck', 'ContainerCreating')
    await k('delete', 'pod', 'stuck', '--timeout=10s')
    silent.close()
  })

  it('run when they were pushed to the store itself, which says where it is', async () => {
    const hosting = await k('get', 'configmap', '-n', 'kube-public', 'local-registry-hosting', '-o', 'jsonpath={.data.localRegistryHosting\\.v1}')
    const own = /^host: "(localhost:\d+)"$/m.exec(hosting)![1]!
    const copied = ['copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', '--src-creds=ann:secret', '--format=v2s2']
    if (hasSkopeo) await sandbox.run('skopeo', [...copied, `docker://${host}/team/app:v1`, `docker://${own}/pushed:1`])
    else await knarr('image', 'tag', 'first', `${own}/pushed:1`)
    await run('own', `${own}/pushed:1`)
    await ready('own')
    expect((await sandbox.run('curl', ['-s', `http://${own}/v2/pushed/tags/list`])).stdout).toBe('{"name":"pushed","tags":["1"]}')
  })

  it('are kept while containers run from them', async () => {
    await build('used', 'used')
    await run('user', 'used', {}, 'IfNotPresent')
    await ready('user')
    expect(await sandbox.knarr('image', 'rm', 'used')).toMatchObject({ code: 1, stderr: 'knarr: used is in use by container main: delete its Pods first\n' })
    await knarr('image', 'prune', '--all')
    expect(await k('exec', 'user', '--', '/bin/sh', '-c', 'read w </word; echo $w')).toBe('used\n')
    await k('delete', 'pod', 'user')
    // The Pod is gone from the API before its node has put everything away.
    const removed = () => knarr('image', 'rm', 'used')
    expect(await eventually(removed, (text) => text !== '', 'the image is free')).toBe('used is removed\n')
  })
})
