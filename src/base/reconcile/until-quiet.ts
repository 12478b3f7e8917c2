import type { FakeClient } from '../client/fake-client.ts'
import type { FakeClock } from '../lib/clock.ts'

/**
 * For controller tests: lets what runs on the fake clock go on until nothing was written for a while, and answers the writes made.
 * Moves the clock a little in each round (so that retries come), at most `rounds` times.
 */
export const untilQuiet = async (client: FakeClient, clock: FakeClock, { stepMs = 20, quietRounds = 6, rounds = 500 } = {}): Promise<readonly string[]> => {
  const before = client.writes.length
  for (let round = 0, quiet = 0; quiet < quietRounds; round++) {
    if (round >= rounds) throw new Error(`still writing after ${rounds} rounds; last: ${client.writes.slice(-5).join(', ')}`)
    const writes = client.writes.length
    await clock.advance(stepMs)
    quiet = client.writes.length === writes ? quiet + 1 : 0
  }
  return client.writes.slice(before)
}
