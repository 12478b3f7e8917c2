import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Clock } from '../../../base/lib/clock.ts'
import { readContainerLog, type LogOptions } from '../container-log.ts'
import { latestOf } from '../pod-actions.ts'
import type { Kubelets } from '../start-kubelets.ts'
import { findContainer, RequestError, waitingReason } from './pod-request.ts'

const isTrue = (value: string | null) => value === 'true' || value === '1'

const whole = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw new RequestError(400, `invalid value for ${name}: "${text}"`)
  return Number(text)
}

export const logOptionsOf = (query: URLSearchParams, nowMs: number): LogOptions => {
  const tailLines = whole(query, 'tailLines') ?? (query.get('tail') === 'all' ? undefined : whole(query, 'tail'))
  const sinceSeconds = whole(query, 'sinceSeconds')
  const sinceTime = query.get('sinceTime')
  const limitBytes = whole(query, 'limitBytes')
  const sinceMs = sinceSeconds === undefined ? (sinceTime ? Date.parse(sinceTime) : undefined) : nowMs - sinceSeconds * 1000
  return {
    follow: isTrue(query.get('follow')),
    timestamps: isTrue(query.get('timestamps')),
    ...(tailLines === undefined || tailLines < 0 ? {} : { tailLines }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  }
}

/** `/containerLogs/{namespace}/{pod}/{container}` */
export const serveLogs = async (options: {
  kubelets: Kubelets
  segments: readonly string[]
  query: URLSearchParams
  request: IncomingMessage
  response: ServerResponse
  clock: Clock
}): Promise<void> => {
  const { response, query } = options
  const found = await findContainer(options.kubelets, options.segments)
  const { worker, kubelet, container, containers } = found
  const latest = latestOf(containers, container)
  const isPrevious = isTrue(query.get('previous'))
  const chosen = isPrevious
    ? latestOf(
        containers.filter((one) => one !== latest),
        container,
      )
    : latest
  const podName = worker.pod.metadata.name
  if (isPrevious && !chosen) throw new RequestError(400, `previous terminated container "${container}" in pod "${podName}" not found`)
  if (!chosen) throw new RequestError(400, `container "${container}" in pod "${podName}" is waiting to start: ${waitingReason(worker, container)}`)
  const abort = new AbortController()
  response.on('close', () => abort.abort())
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' })
  response.flushHeaders()
  await readContainerLog({
    ...logOptionsOf(query, options.clock.now()),
    path: join(worker.logDirectory, chosen.config.logPath),
    signal: abort.signal,
    onChange: (listener) => kubelet.context.runtime.onContainerChange((id) => id === chosen.id && listener()),
    isLive: async () => (await kubelet.context.runtime.listContainers(chosen.sandboxId)).some((one) => one.id === chosen.id && one.state === 'running'),
    write: (chunk) => new Promise((resolve) => (response.write(chunk) ? resolve() : response.once('drain', resolve).once('close', resolve))),
  })
  response.end()
}
