import { createHttpClient } from '../../base/client/http-client.ts'
import type { Client } from '../../base/client/client.ts'
import { layoutOf } from './layout.ts'
import { ensurePki, readPki, type Pki } from './pki.ts'
import type { Profile, ProfilePaths } from './profile.ts'

/** Who speaks to the API with a certificate. Each component has its own identity from the first day. */
export function identities(profile: Pick<Profile, 'nodes'>) {
  return [
    { file: 'admin', user: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:masters'] },
    { file: 'agent', user: 'system:knarr:agent', groups: [] },
    { file: 'proxy', user: 'system:kube-proxy', groups: ['system:node-proxier'] },
    { file: 'dns', user: 'system:serviceaccount:kube-system:kube-dns', groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'] },
    { file: 'gateway', user: 'system:serviceaccount:kube-system:ingress-knarr', groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'] },
    ...profile.nodes.map(({ name }) => ({ file: `node-${name}`, user: `system:node:${name}`, groups: ['system:nodes'] })),
  ]
}

/** Makes and renews what the profile's components and nodes need. */
export const ensureCertificates = (paths: ProfilePaths, profile: Profile): Promise<Pki> =>
  ensurePki({
    directory: paths.pki,
    clients: identities(profile),
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'],
    ipAddresses: ['127.0.0.1', layoutOf(profile).kubernetesIP, ...profile.nodes.map((node) => node.address)],
    nowMs: Date.now(),
  })

/** A client of the profile's API over its unix socket, under one of the identities above. */
export function clientOf(paths: ProfilePaths, identity: string, pki: Pki = readPki(paths.pki)): Client {
  const { cert, key } = pki.client(identity)
  return createHttpClient({
    socketPath: paths.serverSocket,
    servername: 'kubernetes',
    ca: pki.serverCA,
    cert,
    key,
    userAgent: `${componentOf(identity)}/knarr`,
  })
}

/** Under which name an identity owns the fields that it writes, as upstream's components are called. */
function componentOf(identity: string): string {
  if (identity === 'agent' || identity.startsWith('node-')) return 'kubelet'
  return ({ proxy: 'kube-proxy', dns: 'kube-dns', gateway: 'ingress-knarr' } as Record<string, string>)[identity] ?? 'knarr'
}
