import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { profilePaths, type ProfilePaths } from './profile.ts'
import { listenForRest, putToRest, restSocketOf, type RestRequests } from './rest.ts'

let home: string
let paths: ProfilePaths
let control: AbortController
let requests: RestRequests
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'rest-'))
  paths = profilePaths(home, 'a')
  mkdirSync(paths.run, { recursive: true })
  control = new AbortController()
  requests = await listenForRest({ socketPath: restSocketOf(paths, 'server'), signal: control.signal })
})
afterEach(() => {
  control.abort()
  rmSync(home, { recursive: true })
})

it('rests between two lives for as long as the command takes, again and again', async () => {
  for (let round = 0; round < 3; round++) {
    const command = putToRest(paths, 'server')
    const request = await requests.next()
    let isResting = true
    const rested = request.rest(() => false).then(() => (isResting = false))
    const resting = await command
    expect(isResting).toBe(true)
    resting!.go()
    await rested
  }
})

/** A command that dies when the role rests. */
const dyingCommand = () => {
  const socket = createConnection(restSocketOf(paths, 'server'))
  socket.once('data', () => socket.destroy())
}

it('goes on where a command died that had changed nothing', async () => {
  dyingCommand()
  await (await requests.next()).rest(() => true)
})

it('waits for the next command where one died in the middle', async () => {
  dyingCommand()
  const rested = (await requests.next()).rest(() => false)
  const next = await putToRest(paths, 'server')
  next!.go()
  await rested
})

it('is not to be had of a role that does not run, or does not end', async () => {
  expect(await putToRest(paths, 'agent')).toBeUndefined()
  expect(await putToRest(paths, 'server', 20)).toBeUndefined()
})
