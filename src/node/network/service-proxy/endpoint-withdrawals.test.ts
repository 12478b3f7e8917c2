import { beforeEach, describe, expect, it } from 'vitest'
import { endpointSlices } from '../../../base/api/kinds.ts'
import type { EndpointConditions, EndpointSlice } from '../../../base/api/generated/types.ts'
import { FakeClient } from '../../../base/client/fake-client.ts'
import { createInformer } from '../../../base/client/informer.ts'
import { FakeClock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'
import { EndpointWithdrawals } from './endpoint-withdrawals.ts'

const named = { namespace: 'shop', name: 'web-abcde' }

describe('a Pod that ends', () => {
  let clock: FakeClock
  let client: FakeClient
  let withdrawals: EndpointWithdrawals
  let programming: () => void
  let giveUp: AbortController
  let isOver: boolean

  beforeEach(async () => {
    clock = new FakeClock()
    client = new FakeClient({ clock })
    giveUp = new AbortController()
    isOver = false
    const slices = createInformer(client, endpointSlices, { clock, log: silentLog, signal: new AbortController().signal })
    const programmed = () => new Promise<void>((resolve) => (programming = resolve))
    withdrawals = new EndpointWithdrawals({ slices, programmed, clock })
    await client.create(endpointSlices, {
      metadata: named,
      addressType: 'IPv4',
      endpoints: [endpoint({ ready: true, serving: true, terminating: false })],
    })
    await clock.advance(1)
  })

  const endpoint = (conditions: EndpointConditions) => ({ addresses: ['10.42.0.1'], conditions, targetRef: { kind: 'Pod', uid: 'pod-1' } })
  const become = async (conditions: EndpointConditions | undefined) => {
    const slice: EndpointSlice = await client.get(endpointSlices, named)
    await client.update(endpointSlices, { ...slice, endpoints: conditions ? [endpoint(conditions)] : [] })
    await clock.advance(1)
  }
  const wait = async (uid = 'pod-1') => {
    void withdrawals.of(uid, giveUp.signal).then(() => (isOver = true))
    await clock.advance(1)
  }

  it.each([
    { name: 'is terminating', conditions: { ready: false, serving: true, terminating: true } },
    { name: 'is terminating where unready Pods are published', conditions: { ready: true, serving: true, terminating: true } },
    { name: 'is not ready', conditions: { ready: false, serving: false, terminating: false } },
    { name: 'is gone', conditions: undefined },
  ])('is withdrawn when its endpoint $name, the proxy says so and what was sent before has arrived', async ({ conditions }) => {
    await wait()
    await become(conditions)
    await clock.advance(1000)
    expect(isOver).toBe(false)
    programming()
    await clock.advance(49)
    expect(isOver).toBe(false)
    await clock.advance(10)
    expect(isOver).toBe(true)
  })

  it('is waited for as long as it is offered, and no longer than somebody wants to', async () => {
    await wait()
    await clock.advance(60_000)
    expect(isOver).toBe(false)
    giveUp.abort()
    await clock.advance(1)
    expect(isOver).toBe(true)
  })

  it('is withdrawn at once where no Service has it', async () => {
    await wait('pod-2')
    expect(isOver).toBe(true)
  })
})
