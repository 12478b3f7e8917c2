// HTTP by hand over TLS: a client that costs little, so that what is measured is the server.
import { connect } from 'node:tls'

const headEnd = Buffer.from('\r\n\r\n')

/** One kept-alive connection; `ask` sends the bytes of a request and answers { status, body }. Bodies must have a content-length. */
export function open(access) {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...access, servername: 'localhost', ALPNProtocols: ['http/1.1'] })
    let waiting
    let buffered = []
    let size = 0
    let need = 0
    const read = () => {
      const all = buffered.length === 1 ? buffered[0] : Buffer.concat(buffered)
      const end = all.indexOf(headEnd)
      if (end < 0) return
      const head = all.toString('latin1', 0, end)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      need = end + 4 + length
      if (size < need) return
      buffered = []
      size = need = 0
      const done = waiting
      waiting = undefined
      done({ status: Number(head.slice(9, 12)), body: all.subarray(end + 4) })
    }
    socket.on('data', (chunk) => {
      buffered.push(chunk)
      size += chunk.length
      if (size >= need) read()
    })
    socket.once('secureConnect', () =>
      resolve({
        ask: (request) =>
          new Promise((done) => {
            waiting = done
            socket.write(request)
          }),
        close: () => socket.destroy(),
      }),
    )
    socket.once('error', reject)
  })
}

/** The bytes of a request. */
export function request(method, path, body, contentType = 'application/json') {
  const text = body === undefined ? '' : JSON.stringify(body)
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n`
  const content = text ? `content-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n` : ''
  return Buffer.from(`${head}${content}\r\n${text}`)
}

/** Sends `count` requests over `clients` connections, each the next as soon as it has its answer. Answers milliseconds. */
export async function load(access, { clients, count, make, expect }) {
  const connections = await Promise.all(Array.from({ length: clients }, () => open(access)))
  let next = 0
  const began = performance.now()
  const work = async ({ ask }) => {
    while (next < count) {
      const { status, body } = await ask(make(next++))
      if (status !== expect) throw new Error(`answered ${status}: ${body.toString().slice(0, 300)}`)
    }
  }
  await Promise.all(connections.map(work))
  const tookMs = performance.now() - began
  for (const { close } of connections) close()
  return tookMs
}

/** Follows a watch: `onEvent` gets each event's object. Resolves with a function that ends it, once the stream has begun. */
export function watch(access, path, onEvent) {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...access, servername: 'localhost', ALPNProtocols: ['http/1.1'] }, () => socket.write(request('GET', path)))
    let rest = ''
    let hasBegun = false
    socket.setEncoding('utf8')
    socket.once('error', reject)
    socket.on('data', (chunk) => {
      if (!hasBegun) {
        hasBegun = true
        resolve(() => socket.destroy())
      }
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      // Chunk sizes and the response's head are lines of their own.
      for (const line of lines) if (line.startsWith('{')) onEvent(line)
    })
  })
}
