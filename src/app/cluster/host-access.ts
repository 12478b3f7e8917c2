import { serveHostDialer } from './host-dialer.ts'
import { hostResolvers, serveHostDns } from './host-dns.ts'
import { layoutOf } from './layout.ts'
import { listProfiles, readProfile } from './profile.ts'
import type { RoleContext } from './role.ts'

/** What the server does on the machine's own network for the agent, which has one of its own: names, and connections to registries. */
export async function serveHostAccess({ home, paths, signal }: RoleContext): Promise<void> {
  await serveHostDns({ socketPath: paths.dnsSocket, resolvers: () => resolversBeyond(home), signal })
  await serveHostDialer({ socketPath: paths.dialSocket, signal })
}

/** A machine that asks our own DNS first (`knarr dns`) must not be asked by it in turn. */
function resolversBeyond(home: string): string[] {
  const own = new Set(
    listProfiles(home)
      .flatMap((name) => readProfile(home, name) ?? [])
      .map((profile) => layoutOf(profile).dnsIP),
  )
  return hostResolvers().filter((address) => !own.has(address))
}
