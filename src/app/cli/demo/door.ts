import { request } from 'node:http'

export interface Answer {
  /** 0: none. */
  readonly status: number
  readonly servedBy: string
  readonly text: string
}

/** The sample services as somebody outside of the cluster reaches them: by the Ingress, each request on a connection of its own. */
export interface Door {
  ask(host: string, method: string, path: string, body?: object): Promise<Answer>
}

export const doorAt = (port: number): Door => ({
  ask: (host, method, path, body) =>
    new Promise((resolve) => {
      const fail = () => resolve({ status: 0, servedBy: '?', text: '' })
      const headers = { host: `${host}.localhost:${port}`, 'content-type': 'application/json' }
      const message = request({ host: '127.0.0.1', port, method, path, timeout: 5000, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, servedBy: String(response.headers['x-served-by'] ?? '?'), text: Buffer.concat(chunks).toString('utf8') }),
        )
      })
      message
        .once('timeout', () => message.destroy())
        .once('error', fail)
        .once('close', fail)
        .end(body ? JSON.stringify(body) : undefined)
    }),
})

/** Asks without a pause with several askers until `until` is done; counts. */
export async function load(ask: () => Promise<Answer>, until: Promise<unknown>): Promise<{ requests: number; failed: number }> {
  const counted = { requests: 0, failed: 0 }
  let isDone = false
  const asker = async () => {
    while (!isDone) {
      const { status } = await ask()
      counted.requests++
      if (status !== 200) counted.failed++
    }
  }
  const askers = Promise.all(Array.from({ length: 4 }, asker))
  try {
    await until
  } finally {
    isDone = true
    await askers
  }
  return counted
}
