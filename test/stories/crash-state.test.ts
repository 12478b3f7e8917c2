import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, randomNumbers, type Sandbox } from './harness.ts'

/** Few in every run; KNARR_CRASH_ROUNDS=100 tries long. */
const rounds = Number(process.env['KNARR_CRASH_ROUNDS'] ?? 20)
const ordinals = [0, 1]
const writersEach = 3

// A database in small: a row is acknowledged when it is on disk, and its file says whose it is.
const database = `
const { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } = require('node:fs')
const name = require('node:os').hostname()
if (!existsSync('/data/owner')) appendFileSync('/data/owner', name)
const file = openSync('/data/rows', 'a')
require('node:http').createServer((request, response) => {
  if (request.method === 'POST') {
    writeSync(file, request.url.slice(1) + '\\n')
    fsyncSync(file)
    return response.end('ok')
  }
  response.end(JSON.stringify({ name, owner: readFileSync('/data/owner', 'utf8'), rows: readFileSync('/data/rows', 'utf8').split('\\n').filter(Boolean) }))
}).listen(8080)
// knarr-crash-story
`

const serviceOf = (ordinal: number) => `
---
apiVersion: v1
kind: Service
metadata: {name: db-${ordinal}}
spec: {selector: {statefulset.kubernetes.io/pod-name: db-${ordinal}}, ports: [{port: 80, targetPort: 8080}]}
`
const manifest = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: ${ordinals.length}
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: db
        image: knarr.local/host-node
        command: [node, -e, ${JSON.stringify(database)}]
        readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
${ordinals.map(serviceOf).join('')}`

interface Answer {
  readonly name: string
  readonly owner: string
  readonly rows: readonly string[]
}

describe.runIf(isRoot)('a database that is killed while clients write to it', { timeout: 60_000 + rounds * 60_000 }, () => {
  let sandbox: Sandbox
  const addresses: string[] = []
  const acknowledged = ordinals.map(() => new Set<string>())
  let serial = 0

  const ask = async (ordinal: number, path = '', method = 'GET') => {
    const response = await fetch(`http://${addresses[ordinal]}/${path}`, { method, signal: AbortSignal.timeout(2000) })
    if (!response.ok) throw new Error(`${response.status}`)
    return response
  }
  const read = async (ordinal: number): Promise<Answer> => (await (await ask(ordinal)).json()) as Answer
  const readAll = () =>
    eventually(
      () => Promise.all(ordinals.map(read)),
      () => true,
      'both answer again',
      90_000,
    )
  const claims = () => sandbox.k('get', 'pvc', '-o', 'jsonpath={range .items[*]}{.metadata.name}={.spec.volumeName} {.status.phase}{"\\n"}{end}')

  /** Writes until `isOver`; a row whose answer did not come is in doubt and not counted. */
  async function write(ordinal: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const row = `r${serial++}`
      try {
        await ask(ordinal, row, 'POST')
        acknowledged[ordinal]!.add(row)
      } catch {
        await sleep(20)
      }
    }
  }

  const pidIn = (file: string) => Number(readFileSync(join(sandbox.home, 'profiles', 'default', 'run', file), 'utf8'))
  /** The databases outlive their agent, so a round can begin while the one before still has its process started anew. */
  const killOnceRunning = (...files: string[]) =>
    Promise.all(files.map((file) => eventually(() => Promise.resolve(killIfRunning(pidIn(file))), Boolean, `a process for ${file}`, 30_000)))
  const killDatabases = (isMeant: (hit: number) => boolean) => {
    const hits = databasePids().filter((pid, hit) => isMeant(hit) && killIfRunning(pid))
    if (hits.length === 0) throw new Error('no database runs')
  }
  const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
    process: async () => killDatabases((hit) => hit === 0),
    Pod: () => sandbox.k('delete', 'pod', 'db-1', '--grace-period=0', '--force'),
    agent: () => killOnceRunning('agent.pid'),
    server: () => killOnceRunning('server.pid'),
    'server and agent': () => killOnceRunning('server.pid', 'agent.pid'),
    everything: async () => {
      await killOnceRunning('server.supervisor', 'agent.supervisor')
      for (const file of ['server.pid', 'agent.pid']) killIfRunning(pidIn(file))
      killDatabases(() => true)
      const { code, stderr } = await sandbox.knarr('up')
      if (code !== 0) throw new Error(stderr)
    },
  }

  beforeAll(async () => {
    sandbox = createSandbox()
    await sandbox.knarr('up', '--nodes', '2')
    await sandbox.apply(manifest)
    await sandbox.k('rollout', 'status', 'statefulset/db', '--timeout=30s')
    for (const ordinal of ordinals) addresses.push(await sandbox.k('get', 'service', `db-${ordinal}`, '-o', 'jsonpath={.spec.clusterIP}'))
  })
  afterAll(() => sandbox.remove())

  it(`has every acknowledged row in ${rounds} rounds, in the volume of its own ordinal`, async () => {
    const random = randomNumbers(11)
    await readAll()
    const bound = await claims()
    expect(bound.match(/Bound/g)).toHaveLength(ordinals.length)
    const names = Object.keys(kinds)
    for (let round = 0; round < rounds; round++) {
      const kind = names[round % names.length]!
      let isOver = false
      const writing = Promise.all(ordinals.flatMap((ordinal) => Array.from({ length: writersEach }, () => write(ordinal, () => isOver))))
      await sleep(100 + (random() % 300))
      await kinds[kind]!()
      isOver = true
      await writing
      for (const [ordinal, { name, owner, rows }] of (await readAll()).entries()) {
        const there = new Set(rows)
        expect({ kind, name, owner, missing: [...acknowledged[ordinal]!].filter((row) => !there.has(row)) }).toEqual({
          kind,
          name: `db-${ordinal}`,
          owner: `db-${ordinal}`,
          missing: [],
        })
      }
      expect(await eventually(claims, () => true, 'the API answers again')).toBe(bound)
    }
    for (const rows of acknowledged) expect(rows.size).toBeGreaterThan(rounds)
  })
})

/** Whether there was such a process. */
function killIfRunning(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** As the machine sees them. */
function databasePids(): number[] {
  const isDatabase = (pid: string) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return words.startsWith('node\0-e\0') && words.includes('knarr-crash-story')
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isDatabase(name))
    .map(Number)
}
