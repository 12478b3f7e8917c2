import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, traces } from './harness.ts'

/** 7004 listens on the Pod's loopback only. 7001 says what it got once the client has ended its side; 7002 sends much and ends; 7003 echoes. */
const server = `
const { createServer } = require('node:net'), { createHash } = require('node:crypto')
createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash('sha256')
  socket.on('data', (data) => hash.update(data)).on('end', () => socket.end(hash.digest('hex'))).on('error', () => {})
}).listen(7001)
createServer((socket) => { socket.on('error', () => {}); socket.end(Buffer.alloc(${100 * 1024 * 1024}, 'x')) }).listen(7002)
createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(7003)
createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(7004, '127.0.0.1')
`

/** Sends, ends its side, and gives all that came back. */
const talk = (port: number, data: Buffer | string) =>
  new Promise<Buffer>((resolve, reject) => {
    const parts: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(data))
    socket.on('data', (chunk: Buffer) => parts.push(chunk)).on('end', () => resolve(Buffer.concat(parts)))
    socket.on('error', reject)
  })

describe.skipIf(!isRoot)('kubectl port-forward (needs root and kubectl)', async () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const before = await traces(sandbox)
  const open = async (...args: string[]) => {
    const child = sandbox.start('kubectl', ['port-forward', ...args])
    let said = ''
    for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const left = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const wanted = args.filter((arg) => arg.startsWith(':')).length
    const lines = await eventually(
      async () => [...said.matchAll(/127\.0\.0\.1:(\d+) -> /g)],
      (found) => found.length === wanted,
      'it listens',
    )
    return { ports: lines.map((line) => Number(line[1])), said: () => said, left, close: () => (child.kill(), left) }
  }

  beforeAll(async () => {
    await sandbox.knarr('up')
    await k('create', 'deployment', 'web', '--image=knarr.local/host-node', '--', 'node', '-e', server)
    await k('expose', 'deployment', 'web', '--port=80', '--target-port=7003')
    await k('rollout', 'status', 'deployment/web', '--timeout=60s')
  })
  afterAll(() => sandbox.remove())

  it.each([
    ['SPDY in a WebSocket', 'true'],
    ['SPDY', 'false'],
  ])('carries much both ways at once, by %s', async (_, websockets) => {
    sandbox.environment['KUBECTL_PORT_FORWARD_WEBSOCKETS'] = websockets
    const { ports, close } = await open('deployment/web', ':7001', ':7002')
    const data = randomBytes(20 * 1024 * 1024)
    const [sent, received, other] = await Promise.all([talk(ports[0]!, data), talk(ports[1]!, ''), talk(ports[0]!, 'small')])
    expect(sent.toString()).toBe(createHash('sha256').update(data).digest('hex'))
    expect(received.length).toBe(100 * 1024 * 1024)
    expect(other.toString()).toBe(createHash('sha256').update('small').digest('hex'))
    await close()
  })

  it('says that a port is refused, and goes on', async () => {
    const { ports, said, close } = await open('deployment/web', ':7999', ':7003')
    await talk(ports[0]!, 'x').catch(() => undefined)
    await eventually(
      async () => said(),
      (text) => /error forwarding port 7999 to pod [0-9a-f]+, uid .*: connection refused/.test(text),
      'the refusal',
    )
    expect(said()).not.toContain('lost connection')
    await close()
  })

  it('reaches what listens on the loopback of the Pod only', async () => {
    const { ports, close } = await open('deployment/web', ':7004')
    const data = randomBytes(5 * 1024 * 1024)
    expect((await talk(ports[0]!, data)).equals(data)).toBe(true)
    await close()
  })

  it('reaches a Service by its target port, and ends when the Pod is gone', async () => {
    const { ports, said, left } = await open('service/web', ':80')
    expect((await talk(ports[0]!, 'through')).toString()).toBe('through')
    await k('delete', 'pod', '-l', 'app=web', '--now')
    await talk(ports[0]!, 'x').catch(() => undefined)
    expect(await left).toBe(1)
    expect(said()).toContain('error: lost connection to pod')
  })

  it('leaves nothing behind', async () => {
    await sandbox.knarr('delete')
    expect(await traces(sandbox)).toEqual(before)
  })
})
