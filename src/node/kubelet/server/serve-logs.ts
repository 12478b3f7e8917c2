import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Clock } from '../../../base/lib/clock.ts'
import { type LogOptions, type LogReadOptions, readContainerLog } from '../container-log.ts'
import { createPlainLineParser } from '../log-line.ts'
import { latestOf } from '../pod-actions.ts'
import type { Kubelets } from '../start-kubelets.ts'
import { mirrorName } from '../static-pods/mirror-pod.ts'
import type { Part } from '../static-pods/part.ts'
import { findContainer, RequestError, waitingReason } from './pod-request.ts'

const isTrue = (value: string | null) => value === 'true' || value === '1'

const whole = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw new RequestError(400, `invalid value for ${name}: "${text}"`)
  return Number(text)
}

const streams: Readonly<Record<string, 'stdout' | 'stderr'>> = { Stdout: 'stdout', Stderr: 'stderr' }

export const logOptionsOf = (query: URLSearchParams, nowMs: number): LogOptions => {
  const tailLines = whole(query, 'tailLines') ?? (query.get('tail') === 'all' ? undefined : whole(query, 'tail'))
  const sinceSeconds = whole(query, 'sinceSeconds')
  const sinceTime = query.get('sinceTime')
  const limitBytes = whole(query, 'limitBytes')
  const sinceMs = sinceSeconds === undefined ? (sinceTime ? Date.parse(sinceTime) : undefined) : nowMs - sinceSeconds * 1000
  const stream = streams[query.get('stream') ?? '']
  return {
    ...(stream ? { stream } : {}),
    follow: isTrue(query.get('follow')),
    timestamps: isTrue(query.get('timestamps')),
    ...(tailLines === undefined || tailLines < 0 ? {} : { tailLines }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  }
}

interface LogRequest {
  readonly kubelets: Kubelets
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly response: ServerResponse
  readonly clock: Clock
}

/** `/containerLogs/{namespace}/{pod}/{container}` */
export const serveLogs = async (request: LogRequest): Promise<void> => {
  const [namespace = '', name = ''] = request.segments
  const part = request.kubelets.findPart(namespace, name)
  return send(request, part ? partSource(part, request) : await containerSource(request))
}

type Source = Pick<LogReadOptions, 'path' | 'isLive' | 'onChange' | 'parse'>

// A part's log goes on in the same file when it is started again.
const partSource = (part: Part, { query }: LogRequest): Source => {
  if (isTrue(query.get('previous'))) throw new RequestError(400, `previous terminated container "${part.name}" in pod "${mirrorName(part)}" not found`)
  return { path: part.logFile, isLive: () => true, parse: createPlainLineParser() }
}

const containerSource = async ({ kubelets, segments, query }: LogRequest): Promise<Source> => {
  const { worker, kubelet, container, containers } = await findContainer(kubelets, segments)
  const { runtime } = kubelet.context
  const latest = latestOf(containers, container)
  const isPrevious = isTrue(query.get('previous'))
  const others = containers.filter((one) => one !== latest)
  const chosen = isPrevious ? latestOf(others, container) : latest
  const podName = worker.pod.metadata.name
  if (isPrevious && !chosen) throw new RequestError(400, `previous terminated container "${container}" in pod "${podName}" not found`)
  if (!chosen) throw new RequestError(400, `container "${container}" in pod "${podName}" is waiting to start: ${waitingReason(worker, container)}`)
  return {
    path: join(worker.logDirectory, chosen.config.logPath),
    onChange: (listener) => runtime.onContainerChange((id) => id === chosen.id && listener()),
    isLive: async () => (await runtime.listContainers(chosen.sandboxId)).some((one) => one.id === chosen.id && one.state === 'running'),
  }
}

const send = async ({ query, response, clock }: LogRequest, source: Source): Promise<void> => {
  const abort = new AbortController()
  response.on('close', () => abort.abort())
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' })
  response.flushHeaders()
  await readContainerLog({
    ...logOptionsOf(query, clock.now()),
    ...source,
    signal: abort.signal,
    write: (chunk) => new Promise((resolve) => (response.write(chunk) ? resolve() : response.once('drain', resolve).once('close', resolve))),
  })
  response.end()
}
