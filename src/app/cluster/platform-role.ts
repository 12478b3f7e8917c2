import { services } from '../../base/api/kinds.ts'
import { createInformer } from '../../base/client/informer.ts'
import { startGateway } from '../../platform/gateway/gateway.ts'
import { gatewayService } from '../../platform/gateway/ingress-objects.ts'
import { clientOf } from './identities.ts'
import { layoutOf } from './layout.ts'
import { readPki } from './pki.ts'
import { aborted, type RoleContext } from './role.ts'

/** The platform process, inside the profile's network namespace: the gateway. Descriptors 3 and 4 are the host's loopback ports. */
export async function runPlatform({ profile, paths, clock, log, signal }: RoleContext): Promise<void> {
  const { gatewayIP, dnsIP } = layoutOf(profile)
  const ended = new AbortController()
  process.stdin.once('close', () => ended.abort()).resume()
  const either = AbortSignal.any([signal, ended.signal])
  const client = clientOf(paths, 'gateway')
  const ownService = createInformer(client, services, {
    namespace: gatewayService.namespace,
    fieldSelector: `metadata.name=${gatewayService.name}`,
    signal: either,
    clock,
    log,
  })
  await startGateway({
    client,
    listeners: { http: [{ fd: 3 }, { host: gatewayIP, port: 80 }], https: [{ fd: 4 }, { host: gatewayIP, port: 443 }] },
    statusAddress: () => (ownService.list()[0]?.status.loadBalancer.ingress ?? []).flatMap(({ ip }) => (ip ? [{ ip }] : [])),
    defaultCertificate: readPki(paths.pki).ingress,
    identity: 'ingress-knarr',
    dnsServers: [dnsIP],
    publicHttpsPort: profile.httpsPort,
    clock,
    log,
    signal: either,
  })
  await aborted(either)
}
