import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../../base/lib/clock.ts'
import { isAlive, identify } from './process-identity.ts'
import { instruct } from './shell.ts'
import { SpareShell } from './spare-shell.ts'

describe('a spare shell', () => {
  let spare: SpareShell
  let clock: FakeClock
  const open = () => {
    clock = new FakeClock()
    spare = new SpareShell({ command: ['sh'], clock, delayMs: 200 })
  }
  afterEach(() => spare.close())
  const ended = async (pid: number) => {
    while (isAlive({ pid, startTicks: identify(pid)?.startTicks ?? -1 })) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  it('is made after its time, handed out once, and does what it is told as the process that it is', async () => {
    open()
    await clock.advance(200)
    const first = spare.take()
    const second = spare.take()
    expect(second.pid).not.toBe(first.pid)
    await instruct(first, 'echo ok\nexec sleep 1000 </dev/null >/dev/null 2>&1')
    expect(isAlive(identify(first.pid!)!)).toBe(true)
    for (const one of [first, second]) one.kill('SIGKILL')
  })

  it('passes on what a script complains of', async () => {
    open()
    await expect(instruct(spare.take(), 'echo no such thing >&2\nexit 1')).rejects.toThrow('no such thing')
  })

  it('is not handed out when it has died, and ends when it is closed or its input does', async () => {
    open()
    await clock.advance(200)
    const dead = spare.take()
    dead.stdin!.end()
    await ended(dead.pid!)
    await clock.advance(200)
    spare.close()
    const other = spare.take()
    expect(other.exitCode).toBeNull()
    other.stdin!.end()
    await ended(other.pid!)
  })
})
