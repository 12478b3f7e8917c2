import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset, Pod, Service } from '../../../base/api/generated/types.ts'
import { endpoints, pods, services } from '../../../base/api/kinds.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { canBeEndpoint, endpointHostname, hasManagedEndpoints, isHeadless, isSelectedBy, podReference, resolvePorts } from '../endpointslice/pod-endpoints.ts'
import { servicesOfPod } from '../endpointslice/service-keys.ts'
import { keysOfChange } from '../lib/keys.ts'
import { isPodReady } from '../lib/pods.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { canonicalJson } from '../lib/stable-hash.ts'

const name = 'endpoint-controller'
const headlessLabel = 'service.kubernetes.io/headless'
const managedByLabel = 'endpoints.kubernetes.io/managed-by'
const overCapacity = 'endpoints.kubernetes.io/over-capacity'
const maxAddresses = 1000

/** Keeps the Endpoints object of every Service that has a selector: what clients from before EndpointSlice read. */
export const endpointsController: Controller = {
  name,
  start(context) {
    const allServices = context.informers.of(services)
    const allPods = context.informers.of(pods)
    const all = context.informers.of(endpoints)
    return startController({
      ...machinery(context),
      name,
      sources: [source(allServices, keysOfChange), source(allPods, (change) => servicesOfPod(allServices, change)), source(all, keysOfChange)],
      reconcile: (key) => reconcile({ ...context, allServices, allPods, all }, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly allServices: Informer<Service>
  readonly allPods: Informer<Pod>
  readonly all: Informer<Endpoints>
}

const reconcile = async (context: Context, key: string): Promise<void> => {
  const service = context.allServices.get(key)
  const current = context.all.get(key)
  if (!service) return current?.metadata.labels?.[managedByLabel] === name ? remove(context, current) : undefined
  if (!hasManagedEndpoints(service)) return
  const selected = context.allPods.list(service.metadata.namespace).filter((pod) => isSelectedBy(service, pod))
  const { subsets, isTruncated } = truncated(subsetsOf(service, selected))
  const labels = { ...service.metadata.labels, ...(isHeadless(service) ? { [headlessLabel]: '' } : {}), [managedByLabel]: name }
  const { [overCapacity]: _mark, ...others } = current?.metadata.annotations ?? {}
  const annotations = isTruncated ? { ...others, [overCapacity]: 'truncated' } : others
  if (!current)
    await context.client.create(endpoints, { metadata: { name: service.metadata.name, namespace: service.metadata.namespace, labels, annotations }, subsets })
  else if (!semanticEqual([current.subsets, current.metadata.labels, current.metadata.annotations], [subsets, labels, annotations])) {
    await context.client.update(endpoints, { ...current, metadata: { ...current.metadata, labels, annotations }, subsets })
  }
}

const remove = async ({ client }: Context, { metadata }: Endpoints): Promise<void> => {
  await client.delete(endpoints, metadata, { preconditions: { uid: metadata.uid } }).catch((error: unknown) => {
    if (!isStatusError(error, 'NotFound')) throw error
  })
}

/** One subset for each distinct list of ports that Pods resolve the Service's to, addresses in order. */
export const subsetsOf = (service: Service, selected: readonly Pod[]): readonly EndpointSubset[] => {
  const subsets = new Map<string, { addresses: EndpointAddress[]; notReadyAddresses: EndpointAddress[]; ports: readonly EndpointPort[] }>()
  const unready = service.spec.publishNotReadyAddresses === true
  for (const pod of [...selected].sort((a, b) => (a.status?.podIP ?? '').localeCompare(b.status?.podIP ?? ''))) {
    if (!canBeEndpoint(pod, { terminating: unready })) continue
    const ports = resolvePorts(service, pod).map(({ name: portName, ...port }) => (portName ? { name: portName, ...port } : port))
    if (ports.length === 0 && !isHeadless(service)) continue
    const id = canonicalJson(ports)
    const subset = subsets.get(id) ?? { addresses: [], notReadyAddresses: [], ports }
    subsets.set(id, subset)
    const list = unready || isPodReady(pod) ? subset.addresses : subset.notReadyAddresses
    list.push(addressOf(service, pod))
  }
  return [...subsets.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { addresses, notReadyAddresses, ports }]) => ({
      ...(addresses.length ? { addresses } : {}),
      ...(notReadyAddresses.length ? { notReadyAddresses } : {}),
      ...(ports.length ? { ports } : {}),
    }))
}

const addressOf = (service: Service, pod: Pod): EndpointAddress => {
  const hostname = endpointHostname(service, pod)
  return {
    ip: pod.status.podIP ?? '',
    ...(hostname ? { hostname } : {}),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: podReference(pod),
  }
}

const truncated = (subsets: readonly EndpointSubset[]): { subsets: readonly EndpointSubset[]; isTruncated: boolean } => {
  let left = maxAddresses
  let isTruncated = false
  const cut = (addresses: readonly EndpointAddress[] = []) => {
    const kept = addresses.slice(0, left)
    isTruncated ||= kept.length < addresses.length
    left -= kept.length
    return kept
  }
  const limited = subsets.map(({ ports = [], ...subset }) => {
    const addresses = cut(subset.addresses)
    const notReadyAddresses = cut(subset.notReadyAddresses)
    return { ports, ...(addresses.length ? { addresses } : {}), ...(notReadyAddresses.length ? { notReadyAddresses } : {}) }
  })
  return isTruncated ? { subsets: limited, isTruncated } : { subsets, isTruncated }
}
