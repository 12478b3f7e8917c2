import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, main, traces, type Sandbox } from './harness.ts'

// A writer with two files that belong together: the second never says more than the first, and never less than one row.
const writer = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: db
    image: knarr.local/host-node
    command: [sh, -c, 'while true; do echo row >> /data/first; echo row >> /data/second; sleep 0.01; done']
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`

describe.runIf(isRoot)('keeping a cluster', { timeout: 60_000 }, () => {
  let sandbox: Sandbox
  let k: Sandbox['k']
  const volumes = () => join(sandbox.home, 'profiles', 'default', 'volumes')
  const knarr = async (...args: string[]) => {
    const { code, stdout, stderr } = await sandbox.knarr(...args)
    if (code !== 0) throw new Error(`knarr ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }
  const names = async (kind: string) => (await k('get', kind, '-o', 'name')).split('\n').filter(Boolean)
  const rows = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8').split('\n').length - 1
  const ready = () => k('wait', '--for=condition=Ready', 'pod/db', '--timeout=20s')
  const onlyVolume = (folder: string) =>
    join(
      folder,
      readdirSync(folder).find((name) => name.startsWith('pvc-'))!,
    )

  beforeAll(async () => {
    sandbox = createSandbox()
    k = sandbox.k
    await knarr('up')
    await sandbox.apply(writer)
    await ready()
    await k('create', 'configmap', 'before')
  })
  afterAll(() => sandbox.remove())

  it('goes back to a snapshot, and tells every watcher to list anew', async () => {
    const saved = await knarr('snapshot', 'save', 'one')
    expect(saved).toMatch(/^snapshot one of cluster knarr-default is saved: \d+ objects, 1 volume/)
    const kept = onlyVolume(join(sandbox.home, 'profiles', 'default', 'snapshots', 'one', 'volumes'))
    expect(rows(kept, 'first') - rows(kept, 'second')).toBeLessThanOrEqual(1)
    await k('create', 'configmap', 'after')
    const { resourceVersion } = JSON.parse(await k('get', '--raw', '/api/v1/namespaces/default/configmaps')).metadata as { resourceVersion: string }
    await knarr('snapshot', 'load', 'one')
    expect(await names('configmaps')).toEqual(['configmap/before', 'configmap/kube-root-ca.crt'])
    const watch = await sandbox.kubectl('get', '--raw', `/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=${resourceVersion}`)
    expect(watch.stdout + watch.stderr).toMatch(/Expired|too old resource version/)
    await ready()
    await eventually(
      async () => rows(onlyVolume(volumes()), 'first'),
      (count) => count > rows(kept, 'first'),
      'the writer goes on behind its rows',
    )
    expect(await knarr('snapshot', 'ls')).toMatch(/^NAME +SAVED +OBJECTS +VOLUMES +NODES\none /)
  })

  it('has the old state or the new one, whole, whenever the command is killed', async () => {
    await k('create', 'configmap', 'after')
    for (const waitMs of [120, 160, 200, 240, 280]) {
      const command = sandbox.start(process.execPath, [main, 'snapshot', 'load', 'one'])
      const exited = once(command, 'exit')
      await sleep(waitMs)
      command.kill('SIGKILL')
      await exited
      await knarr('up')
      const found = (await names('configmaps')).filter((name) => name !== 'configmap/kube-root-ca.crt')
      expect([['configmap/after', 'configmap/before'], ['configmap/before']]).toContainEqual(found)
    }
    await ready()
  })

  it('comes back from a backup after it was deleted, with its kubeconfig and its keys', async () => {
    const file = join(sandbox.home, '..', 'cluster.backup')
    const token = (await k('create', 'token', 'default')).trim()
    await knarr('backup', file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const kubeconfig = readFileSync(sandbox.kubeconfig, 'utf8')
    await knarr('delete')
    expect(existsSync(volumes())).toBe(false)
    await knarr('restore', file)
    expect(readFileSync(sandbox.kubeconfig, 'utf8').replace(/ *current-context.*\n/, '')).toBe(kubeconfig.replace(/ *current-context.*\n/, ''))
    expect(await names('configmaps')).toContain('configmap/before')
    expect(rows(onlyVolume(volumes()), 'first')).toBeGreaterThan(0)
    expect(await k('auth', 'whoami', '--token', token, '-o', 'name').catch((error: Error) => error.message)).not.toMatch(/Unauthorized/)
    await ready()
    writeFileSync(`${file}.cut`, readFileSync(file).subarray(0, statSync(file).size - 100))
    expect(await sandbox.knarr('restore', `${file}.cut`)).toMatchObject({ code: 1, stderr: `knarr: ${file}.cut is cut off: use another copy of it\n` })
    expect(await names('configmaps')).toContain('configmap/before')
  })

  it('makes a volume of a VolumeSnapshot', async () => {
    await sandbox.apply(`
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: first}
spec: {source: {persistentVolumeClaimName: data}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: again}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
  dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: first}
`)
    await k('wait', '--for=jsonpath={.status.readyToUse}=true', 'volumesnapshot/first', '--timeout=10s')
    await k('wait', '--for=jsonpath={.status.phase}=Bound', 'pvc/again', '--timeout=10s')
    const copy = join(volumes(), (await k('get', 'pvc', 'again', '-o', 'jsonpath={.spec.volumeName}')).trim())
    expect(rows(copy, 'first')).toBeGreaterThan(0)
    expect(rows(copy, 'first') - rows(copy, 'second')).toBeLessThanOrEqual(1)
    await k('delete', 'volumesnapshot', 'first')
    expect(readdirSync(volumes()).filter((name) => name.startsWith('snapshot-'))).toEqual([])
  })

  it('is empty after a reset, and answers where it did', async () => {
    const { apiPort } = sandbox.profile()
    await knarr('reset')
    expect(sandbox.profile().apiPort).toBe(apiPort)
    for (const kind of ['pods', 'pvc', 'volumesnapshots']) expect(await names(kind)).toEqual([])
    expect(await names('configmaps')).not.toContain('configmap/before')
    expect(readdirSync(volumes())).toEqual([])
    await sandbox.apply(writer)
    await ready()
  })

  it('replaces a snapshot only where it is told to', async () => {
    await knarr('snapshot', 'save', 'one')
    await knarr('snapshot', 'save', 'one', '--force')
    await knarr('snapshot', 'save', 'other')
    await knarr('snapshot', 'rm', 'other')
    expect((await knarr('snapshot', 'ls')).match(/^\w+/gm)).toEqual(['NAME', 'one'])
  })

  it.each([
    [['snapshot', 'save', 'one'], 'there is a snapshot one already'],
    [['snapshot', 'load', 'two'], 'cluster knarr-default has no snapshot two. See: knarr snapshot ls'],
    [['snapshot', 'rm', 'two'], 'cluster knarr-default has no snapshot two. See: knarr snapshot ls'],
    [['restore', main], 'is no backup of knarr'],
    [['restore', '/none'], '/none cannot be read: there is no such file'],
    [['backup', '/proc/none'], '/proc/none was not written'],
    [['reset', '-p', 'none'], 'there is no cluster knarr-none'],
  ])('refuses knarr %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await sandbox.knarr(...args)
    expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({ code: 1, stdout: '', lines: 1 })
    expect(stderr).toContain(message)
  })

  it('leaves nothing behind', async () => {
    await knarr('delete')
    expect((await traces(sandbox)).filter((line) => line.includes('knarr'))).toEqual([])
  })
})
