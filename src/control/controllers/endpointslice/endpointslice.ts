import type { EndpointSlice, Node, Pod, Service } from '../../../base/api/generated/types.ts'
import { endpointSlices, nodes, pods, services } from '../../../base/api/kinds.ts'
import type { Draft } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerRef } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { stableHash } from '../lib/stable-hash.ts'
import { type PlannedSlice, planSlices } from './plan.ts'
import { hasManagedEndpoints, isHeadless, isSelectedBy } from './pod-endpoints.ts'
import { keysOfChange } from '../lib/keys.ts'
import { servicesOfPod } from './service-keys.ts'

const name = 'endpointslice-controller'
const managedBy = 'endpointslice-controller.k8s.io'
const serviceNameLabel = 'kubernetes.io/service-name'
const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
const headlessLabel = 'service.kubernetes.io/headless'

/** Keeps the EndpointSlices of every Service that has a selector. Those of a deleted Service are the garbage collector's. */
export const endpointSliceController: Controller = {
  name,
  start(context) {
    const watched = {
      ...context,
      allServices: context.informers.of(services),
      allPods: context.informers.of(pods),
      slices: context.informers.of(endpointSlices),
      allNodes: context.informers.of(nodes),
    }
    watched.slices.addIndex('service', serviceKeys)
    return startController({
      ...machinery(context),
      name,
      sources: [
        source(watched.allServices, keysOfChange),
        source(watched.allPods, (change) => servicesOfPod(watched.allServices, change)),
        source(watched.slices, ({ old, object }) => [...new Set([old, object].flatMap((slice) => (slice ? serviceKeys(slice) : [])))]),
        source(watched.allNodes, () => []),
      ],
      reconcile: (key) => reconcile(watched, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly allServices: Informer<Service>
  readonly allPods: Informer<Pod>
  readonly slices: Informer<EndpointSlice>
  readonly allNodes: Informer<Node>
}

const serviceKeys = ({ metadata }: EndpointSlice): readonly string[] => {
  const service = metadata.labels?.[serviceNameLabel]
  return service !== undefined && metadata.labels?.[managedByLabel] === managedBy ? [`${metadata.namespace}/${service}`] : []
}

const reconcile = async (context: Context, key: string): Promise<void> => {
  const service = context.allServices.get(key)
  if (!service || !hasManagedEndpoints(service) || service.metadata.deletionTimestamp !== undefined) return
  const selected = context.allPods.list(service.metadata.namespace).filter((pod) => isSelectedBy(service, pod))
  const existing = context.slices.byIndex('service', key).filter((slice) => slice.metadata.deletionTimestamp === undefined)
  const planned = planSlices(service, selected, (node) => context.allNodes.get(node), existing)
  let ordinal = 0
  for (const plan of planned) {
    if (plan.slice) await updateSlice(context, service, plan, plan.slice)
    else ordinal = await createSlice(context, service, plan, existing, ordinal)
  }
  const used = new Set(planned.map((plan) => plan.slice))
  for (const slice of existing) if (!used.has(slice)) await deleteSlice(context, slice)
}

const updateSlice = async ({ client }: Context, service: Service, plan: PlannedSlice, slice: EndpointSlice): Promise<void> => {
  const wanted = contentOf(service, plan)
  const isSame = semanticEqual([slice.ports, slice.endpoints, slice.metadata.labels], [wanted.ports, wanted.endpoints, wanted.metadata?.labels])
  if (!isSame)
    await client.update(endpointSlices, { ...slice, ...wanted, metadata: { ...slice.metadata, labels: wanted.metadata?.labels } } as Draft<EndpointSlice>)
}

/**
 * Names look as upstream's generated ones but follow from the Service and an ordinal: where the cache does not show a slice yet that was made
 * a moment ago, creating it again fails (and is retried) instead of making a second one. Answers the next free ordinal.
 */
const createSlice = async ({ client }: Context, service: Service, plan: PlannedSlice, existing: readonly EndpointSlice[], ordinal: number): Promise<number> => {
  const content = contentOf(service, plan)
  const { name: serviceName, namespace, uid } = service.metadata
  const nameOf = (at: number) => `${serviceName}-${stableHash([uid, at]).slice(-5)}`
  const taken = new Set(existing.map((slice) => slice.metadata.name))
  let at = ordinal
  while (taken.has(nameOf(at))) at++
  await client.create(endpointSlices, {
    ...content,
    metadata: { ...content.metadata, name: nameOf(at), generateName: `${serviceName}-`, namespace, ownerReferences: [controllerRef(services, service)] },
  })
  return at + 1
}

const deleteSlice = async ({ client }: Context, { metadata }: EndpointSlice): Promise<void> => {
  await client.delete(endpointSlices, metadata, { preconditions: { uid: metadata.uid } }).catch((error: unknown) => {
    if (!isStatusError(error, 'NotFound')) throw error
  })
}

const contentOf = (service: Service, { addressType, ports, endpoints }: PlannedSlice): Draft<EndpointSlice> => ({
  addressType,
  ports,
  endpoints,
  metadata: { labels: labelsOf(service) },
})

const labelsOf = (service: Service) => ({
  ...Object.fromEntries(Object.entries(service.metadata.labels ?? {}).filter(([label]) => label !== headlessLabel)),
  ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
  [serviceNameLabel]: service.metadata.name,
  [managedByLabel]: managedBy,
})
