import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processOfPostgres } from './book-images.ts'
import { createSandbox, eventually, isRoot } from './harness.ts'

const examples = join(import.meta.dirname, '..', '..', 'examples')

describe.skipIf(!isRoot)('the sample service on a real PostgreSQL (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k, apply } = sandbox
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await sandbox.knarr(...args)
    if (code !== 0) throw new Error(`knarr ${args.join(' ')}: ${stdout}${stderr}`)
  }
  beforeAll(async () => {
    await must('image', 'add', 'postgres')
    await must('image', 'build', join(examples, 'tasks'), '-t', 'tasks:dev')
    await must('up')
    await k('apply', '-f', join(examples, 'tasks', 'manifests'))
    await k('-n', 'tasks', 'rollout', 'status', 'deployment/tasks', '--timeout=60s')
  })
  afterAll(() => sandbox.remove())

  interface Task {
    readonly id: number
    readonly title: string
  }
  /** By the Ingress, as a user of the service. */
  const ask = async (method: string, path: string, more: { body?: object; headers?: Record<string, string> } = {}) => {
    const url = `http://tasks.localhost:${sandbox.profile().httpPort}${path}`
    const flags = Object.entries(more.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
    const body = more.body ? ['-d', JSON.stringify(more.body)] : []
    const { stdout } = await sandbox.run('curl', ['-sS', '-m', '5', '-X', method, '-w', '\n%{http_code}', ...flags, ...body, url])
    const at = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) }
  }
  const titles = async () => {
    const { status, body } = await ask('GET', '/tasks')
    if (status !== 200) throw new Error(`GET /tasks: ${status} ${body}`)
    return (JSON.parse(body) as { tasks: Task[] }).tasks.map(({ title }) => title)
  }
  const add = async (title: string) => {
    const { status, body } = await ask('POST', '/tasks', { body: { title } })
    if (status !== 201) throw new Error(`POST /tasks: ${status} ${body}`)
    return JSON.parse(body) as Task
  }
  const ready = () => k('-n', 'tasks', 'get', 'deployment', 'tasks', '-o', 'jsonpath={.status.readyReplicas}')

  it('keeps tasks when the Pod of the database is deleted, and when it is killed', async () => {
    await add('survive a delete')
    await k('-n', 'tasks', 'delete', 'pod', 'postgres-0')
    await eventually(titles, (all) => all.join() === 'survive a delete', 'the task is there after the delete')
    await add('survive a kill')
    const containerId = () => k('-n', 'tasks', 'get', 'pod', 'postgres-0', '-o', 'jsonpath={.status.containerStatuses[0].containerID}')
    const killed = await containerId()
    process.kill(processOfPostgres(), 'SIGKILL')
    await eventually(containerId, (id) => id !== '' && id !== killed, 'a new container runs')
    await eventually(titles, (all) => all.join() === 'survive a delete,survive a kill', 'both tasks are there after the kill')
    expect(await k('-n', 'tasks', 'logs', 'postgres-0')).toContain('database system was not properly shut down; automatic recovery in progress')
  })

  it.skipIf(!existsSync('/usr/bin/psql'))('lets psql in by the socket (needs psql)', async () => {
    expect(await k('-n', 'tasks', 'exec', 'postgres-0', '--', 'psql', '-U', 'tasks', '-Atc', 'select count(*) from task')).toBe('2\n')
  })

  it('is not ready while the database is away, is not restarted for it, and comes back', async () => {
    await k('-n', 'tasks', 'scale', 'statefulset', 'postgres', '--replicas=0')
    await eventually(ready, (count) => count === '', 'no Pod is ready')
    expect((await ask('GET', '/tasks')).status).toBe(503)
    await k('-n', 'tasks', 'scale', 'statefulset', 'postgres', '--replicas=1')
    await eventually(ready, (count) => count === '3', 'all Pods are ready again')
    const restarts = '{.items[*].status.containerStatuses[0].restartCount}'
    expect(await k('-n', 'tasks', 'get', 'pods', '-l', 'app.kubernetes.io/name=tasks', '-o', `jsonpath=${restarts}`)).toBe('0 0 0')
  })

  it('is migrated again without harm', async () => {
    await k('replace', '--force', '-f', join(examples, 'tasks', 'manifests', '30-migrate.yaml'))
    await k('-n', 'tasks', 'wait', 'job/tasks-migrate', '--for=condition=complete', '--timeout=30s')
    expect(await k('-n', 'tasks', 'logs', 'job/tasks-migrate')).toContain('"the schema is up to date","from":1,"to":1')
    expect(await titles()).toContain('survive a kill')
  })

  it('refuses the change of a version that another replica has changed', async () => {
    const { id } = await add('first')
    const change = (title: string, etag: string) => ask('PATCH', `/tasks/${id}`, { body: { title }, headers: { 'If-Match': etag } })
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((title) => change(title, '"1"')))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412])
    expect((await change('second', '"2"')).status).toBe(200)
  })

  it('tells every change, each task in its order, to a receiver that was away', async () => {
    const events: { id: string; type: string; subject: string; data: { title: string } }[] = []
    const receiver = createServer(async (request, response) => {
      events.push(JSON.parse(await text(request)) as (typeof events)[number])
      response.writeHead(201).end()
    })
    // The Pods reach this machine by the address that their route leads over.
    await new Promise<void>((resolve) => receiver.listen(0, '0.0.0.0', resolve))
    try {
      const { id } = await add('told')
      await ask('PATCH', `/tasks/${id}`, { body: { title: 'told again', completed: true } })
      await ask('DELETE', `/tasks/${id}`)
      const others = await Promise.all(Array.from({ length: 20 }, (_, index) => add(`many ${index}`)))
      await apply(`
apiVersion: v1
kind: Service
metadata: { name: activity, namespace: default }
spec: { ports: [{ port: 80, targetPort: ${(receiver.address() as AddressInfo).port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: activity, namespace: default, labels: { kubernetes.io/service-name: activity } }
addressType: IPv4
endpoints: [{ addresses: ["${await hostAddress()}"], conditions: { ready: true } }]
ports: [{ port: ${(receiver.address() as AddressInfo).port} }]
`)
      await k('-n', 'tasks', 'set', 'env', 'deployment/tasks', 'ACTIVITY_URL=http://activity.default.svc.cluster.local.')
      const told = async () => new Set(events.map((event) => `${event.subject} ${event.type}`))
      await eventually(told, (all) => others.every((task) => all.has(`${task.id} task.created`)), 'all are told')
      const ofOne = events.filter(({ subject }) => subject === String(id))
      const order = ofOne.filter((event, index) => ofOne.findIndex((other) => other.id === event.id) === index).map(({ type }) => type)
      expect(order).toEqual(['task.created', 'task.renamed', 'task.completed', 'task.deleted'])
    } finally {
      receiver.closeAllConnections()
      receiver.close()
    }
  })

  it('keeps tasks when the cluster is down and up again', async () => {
    const before = await titles()
    await must('down')
    await must('up')
    await eventually(titles, (all) => all.join() === before.join(), 'the same tasks are there')
  })

  /** Where the machine is, seen from a Pod. */
  const hostAddress = async () => {
    const podIp = await k('-n', 'tasks', 'get', 'pod', 'postgres-0', '-o', 'jsonpath={.status.podIP}')
    return /src (\S+)/.exec((await sandbox.run('ip', ['route', 'get', podIp])).stdout)![1]!
  }
})
