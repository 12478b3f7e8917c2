import { describe, expect, it } from 'vitest'
import type { Container, Probe } from '../../../base/api/generated/types.ts'
import { FakeClock } from '../../../base/lib/clock.ts'
import { ContainerProbes } from './container-probes.ts'

const every = (periodSeconds: number, more: Partial<Probe> = {}): Probe => ({ periodSeconds, failureThreshold: 1, successThreshold: 1, ...more })

/** Runs the probes of a container that listens from `listensAtMs` on, and tells when each kind was asked (by its period). */
const run = async (probes: Partial<Container>, { listensAtMs = 0, forMs = 2_500, startedAgoMs = 0 } = {}) => {
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
      return { ok: at >= listensAtMs, message: 'refused' }
    },
    onChange: () => {},
    onUnhealthy: () => {},
  })
  for (let ms = 0; ms < forMs; ms += 50) await clock.advance(50)
  created.close()
  return { asked, created }
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
})
