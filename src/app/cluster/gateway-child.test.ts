import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { runGatewayChild } from './gateway-child.ts'

const listenOn = (port: number) =>
  new Promise<{ port: number; close(): Promise<void> }>((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () =>
      resolve({ port: (server.address() as { port: number }).port, close: () => new Promise((done) => server.close(() => done())) }),
    )
  })

const answerOf = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`).then(
    async (response) => `${response.status} ${await response.text()}`,
    () => 'refused',
  )

const until = async (port: number, matches: RegExp) => {
  for (;;) {
    const answer = await answerOf(port)
    if (matches.test(answer)) return answer
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const child = `require('http').createServer((q, r) => r.writeHead(200, { connection: 'close' }).end('gateway ' + process.pid)).listen({ fd: 3 })`

const start = (ports: { httpPort: number; httpsPort: number }) => {
  const stop = new AbortController()
  let need = () => {}
  const needed = new Promise<void>((resolve) => (need = resolve))
  const folder = mkdtempSync(join(tmpdir(), 'knarr-gateway-'))
  const files = { logFile: join(folder, 'platform.log'), pidFile: join(folder, 'platform.pid') }
  const ended = runGatewayChild({
    ...ports,
    ...files,
    command: [process.execPath, '-e', child],
    needed,
    clock: systemClock,
    log: silentLog,
    signal: stop.signal,
  })
  onTestFinished(async () => {
    stop.abort()
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  return need
}

const twoPorts = async () => {
  const [http, https] = [await listenOn(0), await listenOn(0)]
  return { http, https, ports: { httpPort: http.port, httpsPort: https.port } }
}

it('holds its ports until the gateway is needed, hands them over, and starts a gateway that was killed again', async () => {
  const { http, https, ports } = await twoPorts()
  await Promise.all([http.close(), https.close()])
  const need = start(ports)
  expect(await until(ports.httpPort, /^\d/)).toBe('404 default backend - 404')
  await expect(listenOn(ports.httpPort)).rejects.toThrow('EADDRINUSE')
  await expect(listenOn(ports.httpsPort)).rejects.toThrow('EADDRINUSE')
  need()
  const first = await until(ports.httpPort, /^200/)
  process.kill(Number(first.split(' ')[2]), 'SIGKILL')
  expect(await until(ports.httpPort, /^200/)).not.toBe(first)
})

it('waits for a port that somebody else has', async () => {
  const { http, https, ports } = await twoPorts()
  await https.close()
  const need = start(ports)
  need()
  expect(await answerOf(ports.httpPort)).toBe('refused')
  await http.close()
  await until(ports.httpPort, /^200/)
})
