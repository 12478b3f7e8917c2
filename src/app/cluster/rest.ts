import { rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ProfilePaths } from './profile.ts'
import type { Role } from './supervisor.ts'

/**
 * A role can rest: its process ends all that it does and stays, with its code loaded, until it may begin again. So the state under it
 * can be replaced in a fraction of the time that new processes take.
 *
 *   command ── connects ──▶ role ends its life ── "resting" ──▶ command replaces the state ── "go" ──▶ role begins the next life
 *
 * Where the command dies, the connection closes: the role begins again if `mayBegin` says that nothing is half done, and otherwise
 * waits for the next command.
 */
export const restSocketOf = (paths: ProfilePaths, role: Role): string => join(paths.run, `${role}.rest`)

export interface RestRequest {
  /** Says that the role has ended its life; resolves when the next may begin. */
  rest(mayBegin: () => boolean): Promise<void>
}

export interface RestRequests {
  next(): Promise<RestRequest>
}

export async function listenForRest({ socketPath, signal }: { readonly socketPath: string; readonly signal: AbortSignal }): Promise<RestRequests> {
  rmSync(socketPath, { force: true })
  const sockets: Socket[] = []
  let wake = () => {}
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    sockets.push(socket)
    wake()
  })
  const next = async (): Promise<Socket> => {
    while (sockets.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return sockets.shift()!
  }
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve))
  signal.addEventListener('abort', () => server.close(), { once: true })
  return {
    async next() {
      const first = await next()
      return {
        async rest(mayBegin) {
          for (let socket = first; (await answerOf(socket)) !== 'go' && !mayBegin();) socket = await next()
        },
      }
    },
  }
}

/** What the command says to a resting role, or nothing where it dies. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.once('close', () => resolve(text.trim()))
    if (socket.destroyed) resolve(text.trim())
    else socket.write('resting\n')
  })
}

export interface Resting {
  /** Lets the role begin again. */
  go(): void
}

/** Resolves when the role rests; undefined where it does not within `patienceMs`. */
export function putToRest(paths: ProfilePaths, role: Role, patienceMs = 5000): Promise<Resting | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(restSocketOf(paths, role))
    const timer = setTimeout(() => socket.destroy(), patienceMs)
    socket.once('data', () => {
      clearTimeout(timer)
      resolve({ go: () => void socket.end('go\n') })
    })
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
}
