import { describe, expect, it } from 'vitest'
import type { Container, Probe } from '../../../base/api/generated/types.ts'
import { FakeClock } from '../../../base/lib/clock.ts'
import { ContainerProbes } from './container-probes.ts'
import type { FormerHealth, ProbeAnswer } from './probe-state.ts'

const every = (periodSeconds: number, more: Partial<Probe> = {}): Probe => ({ periodSeconds, failureThreshold: 1, successThreshold: 1, ...more })

interface Options {
  listensAtMs?: number
  forMs?: number
  startedAgoMs?: number
  former?: FormerHealth
  answer?: (ok: boolean) => ProbeAnswer
}

/** Runs the probes of a container that listens from `listensAtMs` on, and tells when each kind was asked (by its period). */
const run = async (probes: Partial<Container>, options: Options = {}) => {
  const { listensAtMs = 0, forMs = 2_500, startedAgoMs = 0, former, answer = (ok) => ({ ok, message: 'refused' }) } = options
  const found: string[] = []
  const clock = new FakeClock()
  const asked: Record<string, number[]> = {}
  const began = clock.monotonic()
  const created = new ContainerProbes({
    container: { name: 'c', ...probes } as Container,
    clock,
    startedAtMs: clock.now() - startedAgoMs,
    ask: async (probe) => {
      const kind = ['readinessProbe', 'livenessProbe', 'startupProbe'].find((name) => probes[name as 'readinessProbe'] === probe) ?? ''
      const at = clock.monotonic() - began
      asked[kind] = [...(asked[kind] ?? []), at]
      return answer(at >= listensAtMs)
    },
    onChange: () => {},
    onFinding: (kind, finding, message) => found.push(`${kind} ${finding}: ${message}`),
    random: () => 0.5,
    ...(former ? { former } : {}),
  })
  for (let ms = 0; ms < forMs; ms += 50) await clock.advance(50)
  created.close()
  return { asked, created, found }
}

describe("a container's probes", () => {
  it('are asked at once and then each period, while all is well', async () => {
    const { asked } = await run({ readinessProbe: every(1), livenessProbe: every(2) })
    expect(asked).toEqual({ readinessProbe: [0, 1000, 2000], livenessProbe: [0, 2000] })
  })

  it('find a program ready that needs a moment to listen, without waiting for the next period', async () => {
    const { asked, created } = await run({ readinessProbe: every(10) }, { listensAtMs: 200 })
    expect(asked).toEqual({ readinessProbe: [0, 300] })
    expect(created.isReady).toBe(true)
  })

  it('wait for the initial delay', async () => {
    const { asked } = await run({ readinessProbe: every(1, { initialDelaySeconds: 1 }) }, { listensAtMs: 1_500 })
    expect(asked).toEqual({ readinessProbe: [1000, 2000] })
  })

  it('are not asked out of turn in a container that has run for long', async () => {
    const { asked } = await run({ readinessProbe: every(1) }, { listensAtMs: 5_000, startedAgoMs: 60_000 })
    expect(asked).toEqual({ readinessProbe: [0, 1000, 2000] })
  })

  it('of readiness and liveness begin when the startup probe has passed', async () => {
    const { asked } = await run({ startupProbe: every(1, { failureThreshold: 5 }), readinessProbe: every(1) }, { listensAtMs: 500 })
    expect(asked).toEqual({ startupProbe: [0, 1000], readinessProbe: [1000, 2000] })
  })

  it("of an earlier agent's container keep what was known of it, and are spread over their first period", async () => {
    const former = { started: true, ready: true }
    const all = { startupProbe: every(1), readinessProbe: every(2) }
    const { asked, created } = await run(all, { startedAgoMs: 60_000, former, listensAtMs: 10_000, forMs: 900 })
    expect(asked).toEqual({})
    expect(created).toMatchObject({ hasStarted: true, isReady: true })
    const later = await run(all, { startedAgoMs: 60_000, former, listensAtMs: 10_000, forMs: 1_500 })
    expect(later.asked).toEqual({ readinessProbe: [1000] })
    expect(later.created.isReady).toBe(false)
  })

  it('that cannot be asked are tried thrice and say nothing about the container', async () => {
    const answer = () => {
      throw new Error('exec: no such file')
    }
    const { asked, created, found } = await run({ livenessProbe: every(1) }, { answer, forMs: 900 })
    expect(asked).toEqual({ livenessProbe: [0, 0, 0] })
    expect(found).toEqual(['liveness errored: exec: no such file'])
    expect(created.failed).toBeUndefined()
  })

  it('count a warning as success', async () => {
    const { created, found } = await run({ readinessProbe: every(1) }, { answer: () => ({ ok: true, message: 'elsewhere', isWarning: true }), forMs: 900 })
    expect(created.isReady).toBe(true)
    expect(found).toEqual(['readiness warning: elsewhere'])
  })

  it('of a container that is to end ask for its readiness only', async () => {
    const clock = new FakeClock()
    const asked: number[] = []
    const ask = async ({ periodSeconds }: Probe) => (asked.push(periodSeconds ?? 0), { ok: true, message: '' })
    const created = new ContainerProbes({
      container: { name: 'c', readinessProbe: every(1), livenessProbe: every(2) } as Container,
      ...{ clock, startedAtMs: clock.now(), ask, onChange: () => {}, onFinding: () => {}, random: () => 0 },
    })
    await clock.advance(100)
    created.letEnd()
    await clock.advance(4_000)
    created.close()
    expect(asked).toEqual([2, 1, 1, 1, 1, 1])
  })
})
