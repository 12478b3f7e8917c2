import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import type { Log } from './log.ts'
import { createMemoryStore } from './tasks.ts'

export interface Service {
  readonly port: number
  /** Stops gracefully; resolves when the last answer is out. Safe to call again. */
  stop(): Promise<void>
}

const longestAnswerMs = 10_000

/** Listens, and later goes away without losing a request (factor IX): not ready, then deaf, then gone. */
export const startService = async ({ config, log }: { config: Config; log: Log }): Promise<Service> => {
  let isReady = true
  let stopping: Promise<void> | undefined
  const server = createApp({ config, log, store: createMemoryStore(), isReady: () => isReady })
  server.keepAliveTimeout = 75_000
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(config.port, () => resolve()))
  const { port } = server.address() as AddressInfo
  log('info', 'listening', { port, pod: config.podName })

  const stop = async (): Promise<void> => {
    isReady = false
    log('info', 'stopping', { drainMs: config.drainMs })
    await sleep(config.drainMs)
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    const timer = setTimeout(() => server.closeAllConnections(), longestAnswerMs)
    await closed
    clearTimeout(timer)
    log('info', 'stopped')
  }
  return { port, stop: () => (stopping ??= stop()) }
}
