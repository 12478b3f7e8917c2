import type { Kind } from '../../base/api/kind.ts'
import * as kinds from '../../base/api/kinds.ts'
import type { Draft, KubeObject } from '../../base/api/object.ts'
import { volumeDriver } from '../../base/api/volume-driver.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { addressAt, parseCidr } from '../../base/lib/cidr.ts'
import { reconcilePolicy } from './auth/rbac/reconcile-policy.ts'

export interface BootstrapOptions {
  /** Of `system:masters`. */
  readonly client: Client
  readonly serviceCIDR: string
  /** Where the Service default/kubernetes ends. */
  readonly endpoint: { readonly address: string; readonly port: number }
  /** PEM of the CA that signs the serving certificate. */
  readonly servingCa: string
  /** PEM of the CA that signs client certificates. */
  readonly clientCa: string
  /** What kubeadm-like clients find in kube-public/cluster-info; default: the service address. */
  readonly serverUrl?: string
  /** The ports that the cluster DNS serves besides 53; default none. */
  readonly dnsMetricsPort?: number
}

const dnsIndex = 10

/** The address of the Service kube-system/kube-dns. */
export const clusterDnsAddress = (serviceCIDR: string): string => addressAt(parseCidr(serviceCIDR), dnsIndex)
/** The address of the Service default/kubernetes. */
export const kubernetesAddress = (serviceCIDR: string): string => addressAt(parseCidr(serviceCIDR), 1)

/** What every cluster holds from its first second. May be repeated: what is there stays, the endpoint of the API is set anew. */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { client } = options
  await Promise.all(namespaceNames.map((name) => ensure(client, kinds.namespaces, { metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } })))
  await Promise.all([
    ...services(options),
    ...priorityClasses(client),
    ...publishedConfig(options),
    ...reconcilePolicy(client),
    storageClass(client),
    snapshotClass(client),
    serviceRange(options),
  ])
  await Promise.all(kubernetesEndpoints(options))
}

const namespaceNames = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

async function ensure<T extends KubeObject>(client: Client, kind: Kind<T>, object: Draft<T>): Promise<void> {
  try {
    await client.create(kind, object)
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists') && !isTaken(error)) throw error
  }
}

/** A Service that exists already fails on its own address before it fails on its name. */
const isTaken = (error: unknown): boolean => isStatusError(error, 'Invalid') && /already allocated/.test(error.message)

/** Creates, or makes what is there say the same. */
async function set<T extends KubeObject>(client: Client, kind: Kind<T>, object: Draft<T>): Promise<void> {
  try {
    await client.create(kind, object)
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error
    await client.update(kind, object)
  }
}

const serviceRange = ({ client, serviceCIDR }: BootstrapOptions) =>
  ensure(client, kinds.serviceCIDRs, { metadata: { name: 'kubernetes' }, spec: { cidrs: [serviceCIDR] } })

function services({ client, serviceCIDR, dnsMetricsPort }: BootstrapOptions): Promise<void>[] {
  const dns = clusterDnsAddress(serviceCIDR)
  const address = kubernetesAddress(serviceCIDR)
  const metrics = dnsMetricsPort === undefined ? [] : [{ name: 'metrics', port: dnsMetricsPort, protocol: 'TCP', targetPort: dnsMetricsPort }]
  return [
    ensure(client, kinds.services, {
      metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: { type: 'ClusterIP', clusterIP: address, clusterIPs: [address], ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 443 }] },
    }),
    ensure(client, kinds.services, {
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
      },
      spec: {
        type: 'ClusterIP',
        clusterIP: dns,
        clusterIPs: [dns],
        ports: [{ name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 }, { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 }, ...metrics],
      },
    }),
  ]
}

function kubernetesEndpoints({ client, endpoint: { address, port } }: BootstrapOptions): Promise<void>[] {
  const metadata = { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }
  return [
    set(client, kinds.endpoints, { metadata, subsets: [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }] }),
    set(client, kinds.endpointSlices, {
      metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    }),
  ]
}

/** The default class: its volumes are folders of this machine that every node reaches, as a cloud's block storage. */
const storageClass = (client: Client): Promise<void> =>
  ensure(client, kinds.storageClasses, {
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: volumeDriver,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  })

const snapshotClass = (client: Client): Promise<void> =>
  ensure(client, kinds.volumeSnapshotClasses, {
    metadata: { name: 'standard', annotations: { 'snapshot.storage.kubernetes.io/is-default-class': 'true' } },
    driver: volumeDriver,
    deletionPolicy: 'Delete',
  })

const priorityClasses = (client: Client): Promise<void>[] => [
  ensure(client, kinds.priorityClasses, {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    preemptionPolicy: 'PreemptLowerPriority',
    description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  }),
  ensure(client, kinds.priorityClasses, {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    preemptionPolicy: 'PreemptLowerPriority',
    description: 'Used for system critical pods that must not be moved from their current node.',
  }),
]

function publishedConfig({ client, serverUrl, servingCa, clientCa, serviceCIDR }: BootstrapOptions): Promise<void>[] {
  const server = serverUrl ?? `https://${kubernetesAddress(serviceCIDR)}`
  const cluster = { server, 'certificate-authority-data': Buffer.from(servingCa).toString('base64') }
  const kubeconfig = { apiVersion: 'v1', kind: 'Config', clusters: [{ name: '', cluster }], contexts: [], users: [], preferences: {}, 'current-context': '' }
  return [
    set(client, kinds.configMaps, { metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig: `${JSON.stringify(kubeconfig)}\n` } }),
    set(client, kinds.configMaps, {
      metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
      data: { 'client-ca-file': clientCa },
    }),
  ]
}
