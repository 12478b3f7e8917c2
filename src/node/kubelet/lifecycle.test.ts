import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { events, pods } from '../../base/api/kinds.ts'
import type { Container } from '../../base/api/generated/types.ts'
import { TestCluster, until } from './test-cluster.ts'

let cluster: TestCluster
let clock: TestCluster['clock'], client: TestCluster['client'], runtime: TestCluster['runtime']

beforeEach(async () => {
  cluster = await TestCluster.start()
  ;({ clock, client, runtime } = cluster)
})
afterEach(() => cluster.close())

const container = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'app', resources: {}, ...more })
const told = async (reason: string) =>
  (await client.list(events)).items.filter((event) => event.reason === reason).map(({ message, involvedObject }) => `${involvedObject.fieldPath} ${message}`)
const stateOf = async (name: string) => {
  const { containerStatuses = [], initContainerStatuses = [] } = (await cluster.pod()).status
  return [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name)
}
const isGone = () =>
  cluster.pod().then(
    () => false,
    () => true,
  )
const remove = (options = {}) => client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 30, ...options })

describe('a postStart hook', () => {
  it('holds its container and the next ones back until it is over', async () => {
    await cluster.makePod({ containers: [container('app', { lifecycle: { postStart: { sleep: { seconds: 7 } } } }), container('next')] })
    await until('app was started', () => runtime.latest('app')?.state === 'running')
    await until('its status says so', async () => (await stateOf('app'))?.state.waiting?.reason === 'ContainerCreating')
    expect(runtime.latest('next')).toBeUndefined()
    await clock.advance(7_000)
    await until('both run', async () => Boolean((await stateOf('app'))?.state.running && (await stateOf('next'))?.state.running))
  })

  it('that fails stops its container, which is started again', async () => {
    await cluster.makePod({ containers: [container('app', { lifecycle: { postStart: { exec: { command: ['false', 'x'] } } } })] })
    await until('it was told', async () => (await told('FailedPostStartHook')).length > 0)
    await until('it backs off', async () => (await stateOf('app'))?.state.waiting?.reason === 'CrashLoopBackOff')
    expect(await told('FailedPostStartHook')).toContain('spec.containers{app} PostStartHook failed')
    expect(await told('Killing')).toContain('spec.containers{app} FailedPostStartHook')
  })

  it('that hangs does not keep its Pod from being deleted', async () => {
    await cluster.makePod({ containers: [container('app', { lifecycle: { postStart: { exec: { command: ['hang'] } } } })] })
    await until('the hook runs', () => runtime.execs.includes('hang'))
    await remove()
    await until('gone', isGone)
    expect(await told('FailedPostStartHook')).toEqual([])
  })
})

describe('the end of a Pod', () => {
  const sidecar = (name: string) => container(name, { restartPolicy: 'Always', lifecycle: { preStop: { exec: { command: ['bye', name] } } } })

  it('runs all preStop hooks at once, then stops the containers, then the sidecars in reverse order', async () => {
    await cluster.makePod({
      initContainers: [sidecar('one'), sidecar('two')],
      containers: [container('app', { lifecycle: { preStop: { sleep: { seconds: 5 } } } })],
    })
    await until('app runs', async () => Boolean((await stateOf('app'))?.state.running))
    await remove()
    await until('the hooks ran', () => runtime.execs.length === 2)
    expect(runtime.execs.toSorted()).toEqual(['bye one', 'bye two'])
    expect(runtime.stops).toEqual([])
    await clock.advance(5_000)
    await until('gone', isGone)
    expect(runtime.stops).toEqual([
      { name: 'app', graceSeconds: 25 },
      { name: 'two', graceSeconds: 25 },
      { name: 'one', graceSeconds: 25 },
    ])
    expect((await told('Killing')).toSorted()).toEqual([
      'spec.containers{app} Stopping container app',
      'spec.initContainers{one} Stopping container one',
      'spec.initContainers{two} Stopping container two',
    ])
  })

  it.each([
    { name: 'when Services have let go of it', afterMs: 100 },
    { name: 'after a second, whatever they do', afterMs: 1000 },
  ])('sends SIGTERM $name', async ({ afterMs }) => {
    cluster.withdrawn = () => (afterMs < 1000 ? clock.sleep(afterMs) : new Promise(() => {}))
    await cluster.makePod({ containers: [container('app')] })
    await until('it runs', () => runtime.latest('app')?.state === 'running')
    await remove()
    await until('its end was told', async () => (await told('Killing')).length > 0)
    await clock.advance(afterMs - 1)
    expect(runtime.latest('app')?.state).toBe('running')
    await clock.advance(1)
    await until('it ends', () => runtime.latest('app')?.state !== 'running')
  })

  it('waits for a preStop hook no longer than the grace period, and leaves two seconds', async () => {
    await cluster.makePod({ containers: [container('app', { lifecycle: { preStop: { exec: { command: ['hang'] } } } })] })
    await until('app runs', async () => Boolean((await stateOf('app'))?.state.running))
    await remove({ gracePeriodSeconds: 10 })
    await until('the hook runs', () => runtime.execs.includes('hang'))
    await clock.advance(10_000)
    await until('gone', isGone)
    expect(runtime.stops).toEqual([{ name: 'app', graceSeconds: 2 }])
    expect(await told('FailedPreStopHook')).toEqual([])
  })

  it('tells of a preStop hook that failed', async () => {
    await cluster.makePod({ containers: [container('app', { lifecycle: { preStop: { exec: { command: ['false'] } } } })] })
    await until('app runs', async () => Boolean((await stateOf('app'))?.state.running))
    await remove()
    await until('gone', isGone)
    expect(await told('FailedPreStopHook')).toEqual(['spec.containers{app} PreStopHook failed'])
  })

  it('is short when it was removed by force', async () => {
    await cluster.makePod({ containers: [container('app')] })
    await until('app runs', async () => Boolean((await stateOf('app'))?.state.running))
    await remove({ gracePeriodSeconds: 0 })
    await until('stopped', () => runtime.stops.length === 1)
    expect(runtime.stops).toEqual([{ name: 'app', graceSeconds: 2 }])
  })

  it('comes with its deadline', async () => {
    await cluster.makePod({ activeDeadlineSeconds: 5, containers: [container('app')] })
    await until('app runs', async () => Boolean((await stateOf('app'))?.state.running))
    await clock.advance(5_000)
    await until('Failed', async () => (await cluster.pod()).status.phase === 'Failed')
    expect((await cluster.pod()).status).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    })
  })
})

it('keeps an adopted container ready until its probe says otherwise', async () => {
  await cluster.makePod({ containers: [container('app', { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 10 } })] })
  await until('ready', async () => (await clock.advance(0), (await stateOf('app'))?.ready === true))
  await cluster.stopAgent()
  client.writes.length = 0
  await cluster.startAgent()
  expect(client.writes.filter((write) => write.includes('web'))).toEqual([])
  expect((await stateOf('app'))?.ready).toBe(true)
})
