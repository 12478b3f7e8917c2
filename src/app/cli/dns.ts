import { Resolver } from 'node:dns/promises'
import { profileNames } from '../../node/network/profile-network.ts'
import { UserError } from '../cluster/errors.ts'
import { layoutOf } from '../cluster/layout.ts'
import { contextName } from '../cluster/names.ts'
import { homeOf, print, runningProfile, type CommandLine } from './context.ts'

const domain = 'cluster.local'
const probe = `kubernetes.default.svc.${domain}`

/** Says how this machine can use the cluster's DNS. Changes nothing. */
export async function dns(cli: CommandLine, options: { profile: string; check?: boolean }): Promise<void> {
  const profile = runningProfile(homeOf(cli), options.profile)
  if (profile.runtime === 'simulated') throw new UserError(`cluster ${contextName(profile)} is simulated: it has no DNS`)
  const server = layoutOf(profile).dnsIP
  if (options.check) return check(cli, server)
  for (const line of advice(server, profileNames(profile.name).hostLink)) print(cli, line)
}

async function check(cli: CommandLine, server: string): Promise<void> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  resolver.setServers([server])
  const startedMs = performance.now()
  const addresses = await resolver.resolve4(probe).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${server} does not answer for ${probe} (${error.code ?? error.message}). Run: knarr status    and: knarr logs`, { cause: error })
  })
  print(cli, `${probe} is ${addresses.join(', ')} (asked ${server}, ${Math.max(1, Math.round(performance.now() - startedMs))} ms)`)
}

/** The domain alone where the resolver can be told so; resolv.conf(5) knows no domains, and the cluster's DNS passes on what is not its own. */
export function advice(server: string, link: string): string[] {
  return [
    `The cluster's DNS answers on this machine at ${server}: names below ${domain} itself, others by asking this machine's resolvers.`,
    '',
    `Try it             dig @${server} ${probe} +short    or: knarr dns --check`,
    `systemd-resolved   sudo resolvectl dns ${link} ${server} && sudo resolvectl domain ${link} '~${domain}'`,
    `dnsmasq            echo 'server=/${domain}/${server}' | sudo tee /etc/dnsmasq.d/knarr.conf && sudo systemctl restart dnsmasq`,
    `resolv.conf        sudo sed -i '1i nameserver ${server}' /etc/resolv.conf`,
    `  undo             sudo sed -i '/^nameserver ${server.replaceAll('.', '\\.')}$/d' /etc/resolv.conf`,
    '',
    'The address stays the same for the life of the profile; while the cluster is down nothing answers there.',
  ]
}
