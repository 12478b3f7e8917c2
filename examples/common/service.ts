import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServiceConfig } from './environment.ts'
import { createLog, type Log } from './log.ts'

export interface Service {
  readonly port: number
  /** Stops gracefully; resolves when the last answer is out. Safe to call again. */
  stop(): Promise<void>
}

export interface ServeOptions {
  readonly config: ServiceConfig
  readonly log: Log
  readonly createServer: (isReady: () => boolean) => Server
  /** Called when the last answer is out: lets go of connections to what stands behind. */
  readonly close?: () => Promise<void>
}

const longestAnswerMs = 10_000

/** Listens, and later goes away without losing a request (factor IX): not ready, then deaf, then gone. */
export const serve = async ({ config, log, createServer, close }: ServeOptions): Promise<Service> => {
  let isReady = true
  let stopping: Promise<void> | undefined
  const server = createServer(() => isReady)
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
    await close?.()
    log('info', 'stopped')
  }
  return { port, stop: () => (stopping ??= stop()) }
}

/** A process's whole life: starts, stops at the first signal, exits with 0; a start that fails is one line in the log, and 1. */
export const run = async (start: () => Promise<Service>): Promise<void> => {
  try {
    const service = await start()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void service.stop().then(() => process.exit(0)))
  } catch (error) {
    createLog({ level: 'error' })('error', 'cannot start', { error: (error as Error).message })
    process.exit(1)
  }
}
