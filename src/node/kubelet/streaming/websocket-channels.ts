import { PassThrough, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { ExecChannels } from './exec-session.ts'

/** Protocols offered, best first. */
export const execProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

/** Each message is a channel byte and data; 255 (v5) closes the channel that its one byte names. */
export const websocketChannels = (socket: WebSocket, wants: { stdin: boolean; stdout: boolean; stderr: boolean }): ExecChannels => {
  const stdin = new PassThrough()
  const resized: ((size: { columns: number; rows: number }) => void)[] = []
  stdin.on('drain', () => socket.resume())
  socket.on('message', (message: Buffer) => {
    const data = message.subarray(1)
    if (message[0] === channel.stdin && !stdin.writableEnded && !stdin.write(data)) socket.pause()
    if (message[0] === channel.close && data[0] === channel.stdin) stdin.end()
    if (message[0] === channel.resize) for (const size of sizesOf(data)) for (const listener of resized) listener(size)
  })
  socket.on('close', () => stdin.end())
  socket.on('error', () => socket.terminate())
  return {
    ...(wants.stdin ? { stdin } : {}),
    ...(wants.stdout ? { stdout: writer(socket, channel.stdout) } : {}),
    ...(wants.stderr ? { stderr: writer(socket, channel.stderr) } : {}),
    onResize: (listener) => void resized.push(listener),
    onClose: (listener) => void socket.on('close', listener),
    finish: async (status) => {
      await send(socket, channel.error, Buffer.from(JSON.stringify(status)))
      socket.close(1000)
    },
  }
}

const send = (socket: WebSocket, id: number, data: Buffer): Promise<void> =>
  new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve()
    socket.send(Buffer.concat([Buffer.from([id]), data]), { binary: true }, () => resolve())
  })

const writer = (socket: WebSocket, id: number): Writable =>
  new Writable({ write: (chunk: Buffer, _encoding, done) => void send(socket, id, chunk).then(() => done()) })

/** Terminal sizes: JSON objects `{"Width":80,"Height":24}`, one after the other. */
export const sizesOf = (data: Buffer): { columns: number; rows: number }[] =>
  (data.toString('utf8').match(/\{[^}]*\}/g) ?? []).flatMap((text) => {
    try {
      const { Width, Height } = JSON.parse(text) as { Width?: number; Height?: number }
      return Width && Height ? [{ columns: Width, rows: Height }] : []
    } catch {
      return []
    }
  })
