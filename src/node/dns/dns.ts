import { decode, encode, type Answer, type DecodedPacket } from 'dns-packet'
import { endpointSlices, services } from '../../base/api/kinds.ts'
import type { EndpointSlice, Service } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { Forwarder } from './forward.ts'
import { encodeReply, fitTo, payloadSizeOf, readQuery, type Reply } from './message.ts'
import { resolve, type Resolution } from './resolve.ts'
import { listenDns, type Handler } from './server.ts'
import { informerView, type ClusterView } from './view.ts'

export interface DnsOptions {
  readonly client: Client
  /** The cluster DNS address; it must be local here (`ip route add local`). */
  readonly address: string
  /** Default 53. */
  readonly port?: number
  /** Default `cluster.local`. */
  readonly clusterDomain?: string
  /** Answers names outside the cluster. See `forwardTo`. */
  readonly upstream: Forwarder
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Informers to share with other parts of the agent; absent: its own. */
  readonly services?: Informer<Service>
  readonly endpointSlices?: Informer<EndpointSlice>
}

export interface RunningDns {
  /** Resolves with the port when it listens; rejects if the address cannot be bound. */
  readonly listening: Promise<number>
  /** Resolves when it knows the cluster. Until then it answers SERVFAIL, so that nobody believes a name is missing. */
  readonly synced: Promise<void>
}

const upstreamTimeoutMs = 5_000

/** The cluster's DNS: its own names from informers, all others from upstream, by UDP and TCP. */
export const startDns = (options: DnsOptions): RunningDns => {
  const { client, signal, clock, clusterDomain = 'cluster.local' } = options
  const log = options.log.child({ part: 'dns' })
  const serviceInformer = options.services ?? createInformer(client, services, { signal, clock, log })
  const sliceInformer = options.endpointSlices ?? createInformer(client, endpointSlices, { signal, clock, log })
  const view = informerView({ clusterDomain, services: serviceInformer, slices: sliceInformer })
  let ready = false
  const synced = Promise.all([serviceInformer.synced, sliceInformer.synced]).then(() => {
    ready = true
  })
  const handler = createHandler({ view, isReady: () => ready, upstream: options.upstream, clock, log, signal })
  const listening = listenDns({ address: options.address, port: options.port ?? 53, handler, log, signal })
  return { listening, synced }
}

export interface HandlerOptions {
  readonly view: ClusterView
  readonly isReady: () => boolean
  readonly upstream: Forwarder
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** One DNS message in, its answer out; never throws. */
export const createHandler = (options: HandlerOptions): Handler => {
  let turn = 0
  return async (message, transport) => {
    const { query, error } = readQuery(message)
    if (!query) return error
    const reply = await answerQuery(query, message, options, turn++).catch((problem: Error) => {
      options.log.debug({ name: query.questions?.[0]?.name, error: problem.message }, 'a DNS query failed')
      return encodeReply(query, { rcode: 'SERVFAIL', authoritative: false })
    })
    return transport === 'udp' ? fitTo(reply, payloadSizeOf(query), query) : reply
  }
}

const answerQuery = async (query: DecodedPacket, message: Buffer, options: HandlerOptions, turn: number): Promise<Buffer> => {
  const question = query.questions![0]!
  const resolution = resolve(question, options.view)
  if (!resolution) return askUpstream(message, options)
  if (!options.isReady()) return encodeReply(query, { rcode: 'SERVFAIL', authoritative: false })
  const chased = resolution.chase === undefined ? [] : await chase(resolution.chase, question.type, options)
  return encodeReply(query, replyOf(resolution, chased, turn))
}

const replyOf = (resolution: Resolution, chased: readonly Answer[], turn: number): Reply => ({
  ...resolution,
  authoritative: true,
  answers: [...rotate(resolution.answers, turn), ...chased],
})

/** Addresses take turns at the first place, where most clients look; an alias stays before them. */
const rotate = (answers: readonly Answer[], turn: number): readonly Answer[] => {
  if (answers.length < 2 || answers.some(({ type }) => type === 'CNAME')) return answers
  const first = turn % answers.length
  return [...answers.slice(first), ...answers.slice(0, first)]
}

const chase = async (name: string, type: string, options: HandlerOptions): Promise<readonly Answer[]> => {
  const query = encode({ type: 'query', id: Math.floor(Math.random() * 65_536), flags: 0x0100, questions: [{ type: type as 'A', name }] })
  return decode(await askUpstream(query, options)).answers ?? []
}

const askUpstream = async (message: Buffer, { upstream, clock, signal }: HandlerOptions): Promise<Buffer> => {
  const timeout = new AbortController()
  const cancel = clock.after(upstreamTimeoutMs, () => timeout.abort(new Error('upstream did not answer in time')))
  const both = AbortSignal.any([signal, timeout.signal])
  try {
    const late = new Promise<never>((_, reject) => both.addEventListener('abort', () => reject(both.reason as Error), { once: true }))
    return await Promise.race([upstream(message, { signal: both }), late])
  } finally {
    cancel()
  }
}
