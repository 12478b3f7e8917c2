import { endpointSlices, nodes, services } from '../../base/api/kinds.ts'
import type { EndpointSlice, Service } from '../../base/api/generated/types.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { UserError } from '../cluster/errors.ts'
import { clientOf } from '../cluster/identities.ts'
import { isNodeReady } from '../cluster/lifecycle.ts'
import { contextName } from '../cluster/names.ts'
import { profilePaths } from '../cluster/profile.ts'
import { runningNodes } from '../cluster/profile-nodes.ts'
import { homeOf, runningProfile, print, table, type CommandLine } from './context.ts'
import { serviceUrls, type NodeAddress } from './service-urls.ts'

/** Says where a Service answers on this machine: `minikube service`, without opening a browser. */
export async function service(cli: CommandLine, name: string, options: { profile: string; namespace: string; url?: boolean }): Promise<void> {
  const home = homeOf(cli)
  const profile = runningProfile(home, options.profile)
  if (profile.runtime === 'simulated') throw new UserError(`cluster ${contextName(profile)} is simulated: none of its Services answers`)
  const { namespace } = options
  const client = clientOf(profilePaths(home, profile.name), 'admin')
  const [found, slices, nodeList] = await Promise.all([
    client.get(services, { namespace, name }).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error
      throw new UserError(`there is no Service ${name} in namespace ${namespace}. Run: kubectl get services -A`)
    }),
    client.list(endpointSlices, { namespace, labelSelector: `kubernetes.io/service-name=${name}` }),
    client.list(nodes),
  ])
  const ready = new Set(nodeList.items.filter(isNodeReady).map((node) => node.metadata.name))
  const urls = serviceUrls(
    found,
    preferred(
      runningNodes(profile).filter((node) => ready.has(node.name)),
      slices.items,
    ),
  )
  if (urls.length === 0) throw new UserError(noNodePort(found))
  if (!hasEndpoint(slices.items)) cli.stderr.write(`knarr: no Pod is ready behind Service ${name} yet: kubectl -n ${namespace} describe service ${name}\n`)
  if (options.url) return urls.forEach(({ url }) => print(cli, url))
  const rows = urls.map(({ targetPort, url }, index) => [index === 0 ? namespace : '', index === 0 ? name : '', targetPort, url])
  for (const line of table([['NAMESPACE', 'NAME', 'TARGET PORT', 'URL'], ...rows])) print(cli, line)
}

const readyEndpoints = (slices: readonly EndpointSlice[]) =>
  slices.flatMap((slice) => slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)

const hasEndpoint = (slices: readonly EndpointSlice[]) => readyEndpoints(slices).length > 0

/** Nodes that have an endpoint first: with `externalTrafficPolicy: Local` the others do not answer. */
function preferred(all: readonly NodeAddress[], slices: readonly EndpointSlice[]): readonly NodeAddress[] {
  const holders = new Set(readyEndpoints(slices).map((endpoint) => endpoint.nodeName))
  return [...all.filter(({ name }) => holders.has(name)), ...all.filter(({ name }) => !holders.has(name))]
}

function noNodePort({ metadata, spec }: Service): string {
  const { name, namespace } = metadata
  if (!spec.clusterIP || spec.clusterIP === 'None') return `Service ${namespace}/${name} has no address of its own, and no node port`
  return `Service ${namespace}/${name} has no node port (type ${spec.type}); this machine reaches it at ${spec.clusterIP}:${spec.ports?.[0]?.port ?? ''}. For a node port: kubectl -n ${namespace} patch service ${name} -p '{"spec":{"type":"NodePort"}}'`
}
