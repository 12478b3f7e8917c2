import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configMaps } from '../../src/base/api/kinds.ts'
import type { ConfigMap } from '../../src/base/api/generated/types.ts'
import type { Client } from '../../src/base/client/client.ts'
import { isStatusError } from '../../src/base/machinery/status-error.ts'
import { clientOf } from '../../src/app/cluster/identities.ts'
import { profilePaths } from '../../src/app/cluster/profile.ts'
import { createSandbox, eventually, main, randomNumbers } from './harness.ts'

const rounds = 20
const writers = 16
const namespace = 'default'
const labelSelector = 'story=crash'

/** What the API has confirmed of one object, and what was asked when the server died. */
interface Told {
  confirmed: string | undefined
  inDoubt: { readonly value: string | undefined } | undefined
}

/** One client: creates, changes and deletes objects of its own, each time with a value that was never there before. */
class Writer {
  readonly told = new Map<string, Told>()
  /** The revisions of confirmed creations and changes. */
  readonly revisions: number[] = []
  #serial = 0
  readonly #index: number

  constructor(index: number) {
    this.#index = index
  }

  async write(client: Client, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const turn = this.#serial++
      const name = `w${this.#index}-${Math.floor(turn / 4)}`
      const told = this.told.get(name) ?? { confirmed: undefined, inDoubt: undefined }
      this.told.set(name, told)
      const value = turn % 4 === 3 && this.#index % 2 === 0 ? undefined : `${this.#index}/${turn}`
      told.inDoubt = { value }
      try {
        const written = await this.#send(client, name, told.confirmed, value)
        if (written) this.revisions.push(Number(written.metadata.resourceVersion))
        told.confirmed = value
        told.inDoubt = undefined
      } catch (error) {
        if (!isStatusError(error, 'ServiceUnavailable')) throw error
        return
      }
    }
  }

  async #send(client: Client, name: string, before: string | undefined, value: string | undefined): Promise<ConfigMap | undefined> {
    const object = { metadata: { namespace, name, labels: { story: 'crash' } }, data: { value: value ?? '' } }
    if (value === undefined) return void (before === undefined || (await client.delete(configMaps, { namespace, name })))
    return before === undefined ? client.create(configMaps, object) : client.update(configMaps, object)
  }

  /** After a crash a write in doubt is either there whole or not at all; from then on it is known. */
  settle(found: ReadonlyMap<string, string>): string[] {
    const faults: string[] = []
    for (const [name, told] of this.told) {
      const actual = found.get(name)
      const allowed = told.inDoubt ? [told.confirmed, told.inDoubt.value] : [told.confirmed]
      if (!allowed.includes(actual)) faults.push(`${name}: ${String(actual)} where ${allowed.map(String).join(' or ')} was confirmed`)
      told.confirmed = actual
      told.inDoubt = undefined
    }
    return faults
  }
}

/** Follows by resourceVersion through every crash, as an informer does. */
class Follower {
  readonly seen: number[] = []
  relists = 0
  #from: string | undefined

  async follow(client: Client, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#from === undefined) this.#from = (await client.list(configMaps, { namespace, labelSelector })).metadata.resourceVersion ?? ''
        for await (const { object } of client.watch(configMaps, { namespace, labelSelector, resourceVersion: this.#from, signal })) {
          this.#from = object.metadata.resourceVersion
          this.seen.push(Number(this.#from))
        }
      } catch (error) {
        if (isStatusError(error, 'Gone') || isStatusError(error, 'Expired')) {
          this.relists++
          this.#from = undefined
        }
      }
      await sleep(10)
    }
  }
}

describe('kill -9 of the server while clients write', () => {
  const sandbox = createSandbox()
  const paths = profilePaths(sandbox.home, 'default')
  const stop = new AbortController()
  let server: ChildProcess
  const start = () => (server = spawn(process.execPath, [main, 'internal', 'server', sandbox.home, 'default'], { env: sandbox.environment, stdio: 'ignore' }))
  const kill = async () => {
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    await exited
  }
  beforeAll(async () => {
    const { code, stderr } = await sandbox.knarr('up', '--runtime', 'simulated', '--nodes', '1')
    if (code !== 0) throw new Error(stderr)
    // From here on the test itself starts the server, without the supervisor's patience with what dies young.
    for (const file of ['server.supervisor', 'server.pid']) process.kill(Number(readFileSync(join(paths.run, file), 'utf8')), 'SIGKILL')
  })
  afterAll(async () => {
    stop.abort()
    if (server?.exitCode === null) await kill()
    await sandbox.remove()
  })

  it(`loses no confirmed write in ${rounds} rounds, never goes back in revisions, and leaves no gap in a watch`, async () => {
    const client = clientOf(paths, 'admin')
    const clients = Array.from({ length: writers }, (_, index) => new Writer(index))
    const follower = new Follower()
    let following: Promise<void> | undefined
    let highest = 0
    const random = randomNumbers(7)
    for (let round = 0; round <= rounds; round++) {
      start()
      const { items, metadata } = await eventually(
        () => client.list(configMaps, { namespace, labelSelector }),
        () => true,
        'the server answers again',
      )
      const found = new Map(items.map((item) => [item.metadata.name, item.data?.['value'] ?? '']))
      expect(clients.flatMap((writer) => writer.settle(found))).toEqual([])
      expect(Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(highest)
      following ??= follower.follow(client, stop.signal)
      if (round === rounds) break
      let isOver = false
      const writing = Promise.all(clients.map((writer) => writer.write(client, () => isOver)))
      await sleep(100 + (random() % 200))
      await kill()
      isOver = true
      await writing
      highest = Math.max(highest, ...clients.flatMap(({ revisions }) => revisions))
    }
    const last = await client.create(configMaps, { metadata: { namespace, name: 'last', labels: { story: 'crash' } } })
    await eventually(
      async () => follower.seen.at(-1),
      (revision) => revision === Number(last.metadata.resourceVersion),
      'the watcher is up to date',
    )
    stop.abort()
    await following
    const confirmed = clients.flatMap(({ revisions }) => revisions)
    expect(confirmed.length).toBeGreaterThan(rounds * writers)
    expect(follower.seen).toEqual([...new Set(follower.seen)].sort((a, b) => a - b))
    const seen = new Set(follower.seen)
    expect({ relists: follower.relists, unseen: confirmed.filter((revision) => !seen.has(revision)) }).toEqual({ relists: 0, unseen: [] })
  })
})
