import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../common/log.ts'
import type { Repository } from './repository.ts'
import type { TaskEvent } from './task.ts'

export interface RelayOptions {
  readonly repository: Pick<Repository, 'relay'>
  readonly url: string
  readonly log: Log
  readonly signal: AbortSignal
  readonly pollMs?: number
  readonly longestWaitMs?: number
}

const batch = 20
const answerWithinMs = 2000

/**
 * Tells the events of the outbox to `url`, at least once each and in order, until the signal. All replicas run this, one of them at a time works.
 * A receiver that is away is asked again after longer and longer waits; one that refuses an event for good would refuse it for ever, so that
 * event is given up, with a line in the log.
 */
export const relayEvents = async ({ repository, url, log, signal, pollMs = 500, longestWaitMs = 10_000 }: RelayOptions): Promise<void> => {
  let failures = 0
  while (!signal.aborted) {
    let waitMs = pollMs
    try {
      const count = await repository.relay(batch, (event) => deliver(event, { url, log, signal }))
      failures = 0
      if (count === batch) waitMs = 0
    } catch (error) {
      if (signal.aborted) return
      waitMs = Math.min(pollMs * 2 ** failures++, longestWaitMs)
      log('warn', 'events wait to be told', { url, error: messageOf(error), waitMs })
    }
    await sleep(waitMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Answers that another try may change. */
const passing = new Set([404, 408, 425, 429])

const deliver = async (event: TaskEvent, { url, log, signal }: Pick<RelayOptions, 'url' | 'log' | 'signal'>): Promise<void> => {
  const response = await fetch(`${url.replace(/\/+$/, '')}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify({ specversion: '1.0', source: '/tasks', datacontenttype: 'application/json', ...event }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
  })
  await response.arrayBuffer()
  if (response.ok) return log('debug', 'told', { event: event.id, type: event.type, subject: event.subject })
  if (response.status >= 500 || passing.has(response.status)) throw new Error(`it answers ${response.status}`)
  log('error', 'an event was refused and is given up', { event, status: response.status })
}

const messageOf = (error: unknown): string => {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message ? cause.message : message
}
