import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processOfPostgres } from './book-images.ts'
import { createSandbox, eventually, isRoot, randomNumbers, type Sandbox } from './harness.ts'

/** Few in every run; KNARR_CRASH_ROUNDS=100 tries long. */
const rounds = Number(process.env['KNARR_CRASH_ROUNDS'] ?? 6)
const writers = 4
const examples = join(import.meta.dirname, '..', '..', 'examples')

describe.runIf(isRoot)('the sample service, killed while clients write to it', { timeout: 60_000 + rounds * 60_000 }, () => {
  let sandbox: Sandbox
  const acknowledged = new Set<string>()
  let serial = 0

  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await sandbox.knarr(...args)
    if (code !== 0) throw new Error(`knarr ${args.join(' ')}: ${stdout}${stderr}`)
  }
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${sandbox.profile().httpPort}${path}`, { ...init, signal: AbortSignal.timeout(5000) })
    if (!response.ok) throw new Error(`${response.status}`)
    return response
  }
  /** A task whose answer did not come is in doubt, and not counted. */
  async function write(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const title = `t${serial++}`
      try {
        await ask('/tasks', { method: 'POST', body: JSON.stringify({ title }) })
        acknowledged.add(title)
      } catch {
        await sleep(20)
      }
    }
  }
  const titles = async () => {
    const found: string[] = []
    for (let after: number | undefined = 0; after !== undefined;) {
      const page = (await (await ask(`/tasks?after=${after}`)).json()) as { tasks: { title: string }[]; next?: number }
      found.push(...page.tasks.map(({ title }) => title))
      after = page.next
    }
    return found
  }

  /** One that the round before killed may still be on its way back. */
  const killFiles = async (...files: string[]) => {
    for (const file of files) {
      const path = join(sandbox.home, 'profiles', 'default', 'run', file)
      await eventually(
        async () => process.kill(Number(readFileSync(path, 'utf8')), 'SIGKILL'),
        () => true,
        `${file} names a process`,
      )
    }
  }
  const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
    'the database': async () => process.kill(processOfPostgres(), 'SIGKILL'),
    'its Pod': () => sandbox.k('-n', 'tasks', 'delete', 'pod', 'postgres-0', '--grace-period=0', '--force'),
    'a replica': async () => {
      const names = await sandbox.k('-n', 'tasks', 'get', 'pods', '-l', 'app.kubernetes.io/name=tasks', '-o', 'jsonpath={.items[*].metadata.name}')
      await sandbox.k('-n', 'tasks', 'delete', 'pod', names.split(' ')[0]!, '--grace-period=0', '--force')
    },
    'the agent': async () => killFiles('agent.pid'),
    'the server': async () => killFiles('server.pid'),
    everything: async () => {
      await killFiles('server.supervisor', 'agent.supervisor', 'server.pid', 'agent.pid')
      process.kill(processOfPostgres(), 'SIGKILL')
      await must('up')
    },
  }

  beforeAll(async () => {
    sandbox = createSandbox()
    await must('image', 'add', 'postgres')
    await must('image', 'build', join(examples, 'tasks'), '-t', 'tasks:dev')
    await must('up')
    await sandbox.k('apply', '-f', join(examples, 'tasks', 'manifests'))
    await sandbox.k('-n', 'tasks', 'rollout', 'status', 'deployment/tasks', '--timeout=60s')
    // Any host: Node's fetch sets none of its own.
    const anyHost = [{ op: 'remove', path: '/spec/rules/0/host' }]
    await sandbox.k('-n', 'tasks', 'patch', 'ingress', 'tasks', '--type=json', '-p', JSON.stringify(anyHost))
    await eventually(titles, () => true, 'it answers')
  })
  afterAll(() => sandbox.remove())

  it(`has every acknowledged task in ${rounds} rounds, and for each task the event that tells of it`, async () => {
    const random = randomNumbers(7)
    const names = Object.keys(kinds)
    for (let round = 0; round < rounds; round++) {
      const kind = names[round % names.length]!
      const before = acknowledged.size
      let isOver = false
      const writing = Promise.all(Array.from({ length: writers }, () => write(() => isOver)))
      await eventually(
        async () => acknowledged.size,
        (size) => size > before,
        'tasks are taken',
      )
      await sleep(random() % 200)
      await kinds[kind]!()
      isOver = true
      await writing
      const there = new Set(await eventually(titles, () => true, `it answers again after the kill of ${kind}`, 60_000))
      expect({ kind, missing: [...acknowledged].filter((title) => !there.has(title)) }).toEqual({ kind, missing: [] })
    }
    expect(acknowledged.size).toBeGreaterThan(rounds)

    const host = await sandbox.k('-n', 'tasks', 'get', 'pod', 'postgres-0', '-o', 'jsonpath={.status.podIP}')
    const client = new pg.Client({ host, user: 'tasks', password: 'set-sail', database: 'tasks' })
    await client.connect()
    try {
      const idsOf = async (query: string) => (await client.query(query)).rows.map((row: { id: string }) => row.id)
      // Nobody takes the events here, so all of them wait.
      expect(await idsOf("select subject as id from outbox where type = 'task.created' order by subject::bigint")).toEqual(
        await idsOf('select id::text as id from task order by task.id'),
      )
    } finally {
      await client.end()
    }
  })
})
