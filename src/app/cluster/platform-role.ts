import { startGateway } from '../../platform/gateway/gateway.ts'
import { clientOf } from './identities.ts'
import { layoutOf } from './layout.ts'
import { aborted, type RoleContext } from './role.ts'

/** The platform process, inside the profile's network namespace: the gateway. Descriptors 3 and 4 are the host's loopback ports. */
export async function runPlatform({ profile, paths, clock, log, signal }: RoleContext): Promise<void> {
  const { gatewayIP } = layoutOf(profile)
  const ended = new AbortController()
  process.stdin.once('close', () => ended.abort()).resume()
  const either = AbortSignal.any([signal, ended.signal])
  await startGateway({
    client: clientOf(paths, 'gateway'),
    listeners: { http: [{ fd: 3 }, { host: gatewayIP, port: 80 }], https: [{ fd: 4 }, { host: gatewayIP, port: 443 }] },
    address: gatewayIP,
    clock, log, signal: either,
  })
  await aborted(either)
}
