import type { Pod } from '../../base/api/generated/types.ts'
import { domainNameOf, hostnameOf } from './pod-names.ts'

/** `/etc/hosts` as the kubelet keeps it. */
export const hostsFile = (pod: Pod, ip: string | undefined, clusterDomain: string): string => {
  const lines = [
    `# Kubernetes-managed hosts file${pod.spec.hostNetwork ? ' (host network)' : ''}.`,
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
  ]
  const domain = domainNameOf(pod, clusterDomain)
  const names = pod.spec.hostNetwork ? [pod.spec.nodeName ?? ''] : [...(domain ? [domain] : []), hostnameOf(pod)]
  if (ip) lines.push([ip, ...names].join('\t'))
  const aliases = (pod.spec.hostAliases ?? []).filter((alias) => alias.hostnames?.length)
  if (aliases.length) lines.push('', '# Entries added by HostAliases.', ...aliases.map((alias) => [alias.ip, ...(alias.hostnames ?? [])].join('\t')))
  return `${lines.join('\n')}\n`
}

export interface Resolver {
  readonly nameservers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

export const parseResolvConf = (text: string): Resolver => {
  const rows = text.split('\n').map((line) =>
    line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/),
  )
  const all = (key: string): string[][] => rows.filter(([first]) => first === key).map((row) => row.slice(1))
  return { nameservers: all('nameserver').flat(), searches: all('search').at(-1) ?? [], options: all('options').flat() }
}

export interface ResolverOptions {
  readonly clusterDNS: string
  readonly clusterDomain: string
  /** The machine's own. */
  readonly host: Resolver
}

const nameOf = (option: string): string => option.split(':')[0] ?? option

/** The Pod's resolver by `dnsPolicy`, with `dnsConfig` merged over it. */
export const podResolver = (pod: Pod, options: ResolverOptions): Resolver => {
  const base = policyResolver(pod, options)
  const { nameservers = [], searches = [], options: extra = [] } = pod.spec.dnsConfig ?? {}
  const added = extra.map((option): string => (option.value ? `${option.name}:${option.value}` : (option.name ?? '')))
  const overridden = new Set(added.map(nameOf))
  return {
    nameservers: [...new Set([...base.nameservers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches])],
    options: [...base.options.filter((option) => !overridden.has(nameOf(option))), ...added],
  }
}

const policyResolver = (pod: Pod, { clusterDNS, clusterDomain, host }: ResolverOptions): Resolver => {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst'
  if (policy === 'None') return { nameservers: [], searches: [], options: [] }
  if (policy === 'Default' || (policy === 'ClusterFirst' && pod.spec.hostNetwork)) return host
  return {
    nameservers: [clusterDNS],
    searches: [`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...host.searches],
    options: ['ndots:5'],
  }
}

export const resolvConf = ({ nameservers, searches, options }: Resolver): string =>
  [
    ...(searches.length ? [`search ${searches.join(' ')}`] : []),
    ...nameservers.slice(0, 3).map((server) => `nameserver ${server}`),
    ...(options.length ? [`options ${options.join(' ')}`] : []),
  ]
    .map((line) => `${line}\n`)
    .join('')
