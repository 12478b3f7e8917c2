import { serveHostDialer } from './host-dialer.ts'
import { serveHostDns } from './host-dns.ts'
import type { RoleContext } from './role.ts'

/** What the server does on the machine's own network for the agent, which has one of its own: names, and connections to registries. */
export async function serveHostAccess({ paths, signal }: RoleContext): Promise<void> {
  await serveHostDns({ socketPath: paths.dnsSocket, signal })
  await serveHostDialer({ socketPath: paths.dialSocket, signal })
}
