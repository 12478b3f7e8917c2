import type { Answer } from 'dns-packet'
import { isIP } from 'node:net'
import type { Service } from '../../base/api/generated/types.ts'
import { addressInName } from './wildcard-names.ts'
import { readyEndpoints, serviceNameLabel, type ClusterView, type Endpoint } from './view.ts'

/** The kubernetes plugin's default, in seconds. */
export const ttl = 5
const wildcardTtl = 3600

export interface Question {
  readonly name: string
  readonly type: string
}

/** An answer from the cluster's own data. No answers with NOERROR is NODATA. */
export interface Resolution {
  readonly rcode: 'NOERROR' | 'NXDOMAIN'
  readonly answers: readonly Answer[]
  readonly additionals: readonly Answer[]
  readonly authorities: readonly Answer[]
  /** A name outside the cluster that the last CNAME points to: its addresses belong to the answer too. */
  readonly chase?: string
}

/** `undefined`: there is no such name. No records: the name is there, but nothing of it. */
type Found = readonly Target[] | undefined

/** One thing a name stands for. `host` is an address, or a name for a CNAME. */
interface Target {
  readonly host: string
  readonly port: number | undefined
  /** The target's own name: what SRV records point to. */
  readonly name: string
}

/**
 * Answers for the cluster domain and, where an address is known, for its reverse name, as CoreDNS' kubernetes plugin does.
 * `undefined`: not ours, ask upstream. Pure; records stand in the view's order.
 */
export const resolve = (question: Question, view: ClusterView): Resolution | undefined => resolveVia(question, view, [])

/** `passed`: the aliases that led here. */
const resolveVia = (question: Question, view: ClusterView, passed: readonly string[]): Resolution | undefined => {
  const name = question.name.toLowerCase().replace(/\.$/, '')
  if (name.endsWith('.in-addr.arpa')) return resolveReverse(question, name, view)
  const wildcard = addressInName(name)
  if (wildcard) return resolveWildcard(question, wildcard)
  const domain = view.clusterDomain
  if (name !== domain && !name.endsWith(`.${domain}`)) return undefined
  const labels = name.slice(0, -domain.length).split('.').filter(Boolean)
  if (labels.length === 0) return apex(question, view)
  if (labels.length === 1 && labels[0] === 'dns-version') return answer(view, question.type === 'TXT' ? [txt(question.name, '1.1.0')] : [])
  const targets = find(labels, view)
  return targets ? records(question, targets, view, passed) : nameError(view)
}

/** Labels right to left: `svc|pod`, namespace, Service or Pod, then an endpoint or `_port._protocol`. */
const find = (labels: readonly string[], view: ClusterView): Found => {
  const [kind, namespace, name, ...rest] = [...labels].reverse()
  if (kind !== 'svc' && kind !== 'pod') return undefined
  if (!namespace || !name) return []
  if (kind === 'pod') return rest.length === 0 ? podTargets(name, `${name}.${namespace}.pod.${view.clusterDomain}`) : undefined
  const service = view.service(namespace, name)
  if (!service || rest.length > 2) return undefined
  if (rest.length === 2) return serviceTargets(service, view, { protocol: rest[0]!.replace(/^_/, ''), port: rest[1]!.replace(/^_/, '') })
  return serviceTargets(service, view, rest[0] === undefined ? {} : { endpoint: rest[0] })
}

const podTargets = (dashed: string, name: string): Found => {
  const host = dashed.replaceAll('-', '.')
  return isIP(host) === 4 ? [{ host, port: undefined, name }] : undefined
}

interface Selection {
  readonly endpoint?: string
  readonly port?: string
  readonly protocol?: string
}

const serviceTargets = (service: Service, view: ClusterView, selection: Selection): Found => {
  const { spec, metadata } = service
  const base = `${metadata.name}.${metadata.namespace}.svc.${view.clusterDomain}`
  if (spec.type === 'ExternalName')
    return Object.keys(selection).length === 0 && spec.externalName ? [{ host: spec.externalName.replace(/\.$/, ''), port: undefined, name: base }] : undefined
  const matches = (port: { portName: string; protocol: string }) =>
    (selection.port === undefined || selection.port === port.portName.toLowerCase()) &&
    (selection.protocol === undefined || selection.protocol === port.protocol.toLowerCase())
  const found =
    spec.clusterIP === 'None' || selection.endpoint !== undefined
      ? endpointTargets(readyEndpoints(view.slices(metadata.namespace ?? '', metadata.name)).filter(matches), base, selection.endpoint)
      : (spec.ports ?? [])
          .filter((port) => matches({ portName: port.name ?? '', protocol: port.protocol ?? 'TCP' }))
          .map((port) => ({ host: spec.clusterIP ?? '', port: port.port, name: base }))
  return found.length > 0 ? found.filter(({ host }) => host !== '') : undefined
}

const labelOf = (endpoint: Endpoint): string => (endpoint.hostname ?? endpoint.ip.replaceAll('.', '-')).toLowerCase()

const endpointTargets = (endpoints: readonly Endpoint[], base: string, label: string | undefined): readonly Target[] =>
  endpoints
    .filter((endpoint) => label === undefined || labelOf(endpoint) === label)
    .map((endpoint) => ({ host: endpoint.ip, port: endpoint.port, name: `${labelOf(endpoint)}.${base}` }))

const records = (question: Question, targets: readonly Target[], view: ClusterView, passed: readonly string[]): Resolution => {
  const alias = targets.find(({ host }) => isIP(host) === 0)
  if (alias) return followAlias(question, alias.host, view, passed)
  if (question.type === 'A')
    return answer(
      view,
      unique(targets.map(({ host }) => host)).map((host) => a(question.name, host)),
    )
  if (question.type === 'SRV') return serviceRecords(question, targets, view)
  return answer(view, [])
}

const serviceRecords = (question: Question, targets: readonly Target[], view: ClusterView): Resolution => {
  const ported = [...new Map(targets.filter(({ port }) => port !== undefined).map((target) => [`${target.name}:${target.port}`, target])).values()]
  const weight = Math.max(1, Math.floor(100 / Math.max(1, ported.length)))
  const answers = ported.map(({ name, port }): Answer => ({ type: 'SRV', name: question.name, ttl, data: { priority: 0, weight, port: port!, target: name } }))
  const hosts = [...new Map(ported.map(({ name, host }) => [`${name} ${host}`, { name, host }])).values()]
  return { ...answer(view, answers), additionals: hosts.map(({ name, host }) => a(name, host)) }
}

const maxAliases = 8

/** Follows aliases inside the cluster to their end: the resolvers of most programs ask once and follow nothing. */
const followAlias = (question: Question, target: string, view: ClusterView, passed: readonly string[]): Resolution => {
  const alias: Answer = { type: 'CNAME', name: question.name, ttl, data: target }
  if (question.type === 'CNAME') return answer(view, [alias])
  if (question.type !== 'A' && question.type !== 'AAAA') return answer(view, [])
  if (!target.toLowerCase().endsWith(`.${view.clusterDomain}`)) return { ...answer(view, [alias]), chase: target }
  const inner =
    passed.includes(target) || passed.length >= maxAliases ? undefined : resolveVia({ name: target, type: question.type }, view, [...passed, target])
  return { ...answer(view, [alias, ...(inner?.answers ?? [])]), ...(inner?.chase === undefined ? {} : { chase: inner.chase }) }
}

/** A Service's own address gives the Service's name, an endpoint's gives the name its Pod chose. */
const resolveReverse = (question: Question, name: string, view: ClusterView): Resolution | undefined => {
  const ip = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.')
  if (isIP(ip) !== 4) return undefined
  const suffix = `svc.${view.clusterDomain}`
  const services = view.servicesByAddress(ip).map(({ metadata }) => `${metadata.name}.${metadata.namespace}.${suffix}`)
  const names =
    services.length > 0
      ? services
      : view.slicesByAddress(ip).flatMap((slice) =>
          readyEndpoints([slice])
            .filter((endpoint) => endpoint.ip === ip && endpoint.hostname)
            .map(({ hostname }) => `${hostname}.${slice.metadata.labels?.[serviceNameLabel]}.${slice.metadata.namespace}.${suffix}`),
        )
  if (names.length === 0) return undefined
  return answer(view, question.type === 'PTR' ? unique(names).map((data): Answer => ({ type: 'PTR', name: question.name, ttl, data })) : [])
}

/** The address stands in the name: it never changes. */
const resolveWildcard = (question: Question, { ip, domain }: { ip: string; domain: string }): Resolution =>
  question.type === 'A'
    ? { rcode: 'NOERROR', answers: [{ ...a(question.name, ip), ttl: wildcardTtl } as Answer], additionals: [], authorities: [] }
    : { rcode: 'NOERROR', answers: [], additionals: [], authorities: [soaOf(domain)] }

const apex = (question: Question, view: ClusterView): Resolution => {
  if (question.type === 'SOA') return answer(view, [soa(view)])
  if (question.type === 'NS') return answer(view, [{ type: 'NS', name: question.name, ttl, data: `ns.dns.${view.clusterDomain}` }])
  return answer(view, [])
}

const answer = (view: ClusterView, answers: readonly Answer[]): Resolution => ({
  rcode: 'NOERROR',
  answers,
  additionals: [],
  authorities: answers.length === 0 ? [soa(view)] : [],
})

const nameError = (view: ClusterView): Resolution => ({ rcode: 'NXDOMAIN', answers: [], additionals: [], authorities: [soa(view)] })

const soa = ({ clusterDomain }: ClusterView): Answer => soaOf(clusterDomain)

const soaOf = (zone: string): Answer => ({
  type: 'SOA',
  name: zone,
  ttl,
  data: { mname: `ns.dns.${zone}`, rname: `hostmaster.${zone}`, serial: 1, refresh: 7200, retry: 1800, expire: 86_400, minimum: ttl },
})

const a = (name: string, data: string): Answer => ({ type: 'A', name, ttl, data })
const txt = (name: string, data: string): Answer => ({ type: 'TXT', name, ttl, data })
const unique = (values: readonly string[]): readonly string[] => [...new Set(values)]
