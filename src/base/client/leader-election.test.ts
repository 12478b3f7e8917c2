import { beforeEach, describe, expect, it } from 'vitest'
import { leases } from '../api/kinds.ts'
import { FakeClock } from '../lib/clock.ts'
import { silentLog } from '../lib/log.ts'
import { FakeClient } from './fake-client.ts'
import { runElected } from './leader-election.ts'

const lock = { namespace: 'kube-system', name: 'kube-scheduler' }

describe('of several candidates', () => {
  let clock: FakeClock
  let client: FakeClient
  let isCut: Set<string>
  let leaders: string[]

  beforeEach(() => {
    clock = new FakeClock()
    client = new FakeClient({ clock })
    isCut = new Set()
    leaders = []
  })

  /** A client that does not reach the API while its candidate is cut off. */
  const clientOf = (identity: string) =>
    new Proxy(client, {
      get(target, property) {
        if (isCut.has(identity)) return () => Promise.reject(new Error('connection refused'))
        const value: unknown = Reflect.get(target, property)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  const stand = (identity: string) => {
    const abort = new AbortController()
    const lead = async (signal: AbortSignal) => {
      leaders.push(identity)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      leaders.splice(leaders.indexOf(identity), 1)
    }
    void runElected({ ...lock, client: clientOf(identity), clock, log: silentLog, signal: abort.signal, identity, lead })
    return abort
  }
  const lease = async () => (await client.get(leases, lock)).spec

  it('one leads, and renews its Lease', async () => {
    stand('a')
    await clock.advance(1)
    stand('b')
    const { acquireTime } = (await lease()) ?? {}
    await clock.advance(60_000)
    expect(leaders).toEqual(['a'])
    expect(await lease()).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0, acquireTime })
    expect((await lease())?.renewTime).not.toBe(acquireTime)
  })

  it('the next one leads at once when the leader stops', async () => {
    const a = stand('a')
    await clock.advance(1)
    stand('b')
    await clock.advance(5_000)
    a.abort()
    await clock.advance(1)
    expect(await lease()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 })
    await clock.advance(2_000)
    expect(leaders).toEqual(['b'])
    expect(await lease()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it('a leader that is cut off stops before another one leads', async () => {
    stand('a')
    await clock.advance(1)
    stand('b')
    await clock.advance(5_000)
    isCut.add('a')
    const seen = new Set<string>()
    for (let second = 0; second < 25; second++) {
      await clock.advance(1_000)
      seen.add(leaders.join('+'))
    }
    expect([...seen]).toEqual(['a', '', 'b'])
    expect(await lease()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  it('one that comes back under the same name leads at once', async () => {
    await client.create(leases, { metadata: lock, spec: { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 3 } })
    stand('a')
    await clock.advance(1)
    expect(leaders).toEqual(['a'])
    expect(await lease()).toMatchObject({ leaseTransitions: 3 })
  })
})
