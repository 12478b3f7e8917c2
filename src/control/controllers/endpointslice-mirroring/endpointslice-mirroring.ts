import type { Endpoints, EndpointSlice, Service } from '../../../base/api/generated/types.ts'
import { endpoints, endpointSlices, services } from '../../../base/api/kinds.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerRef } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { stableHash } from '../lib/stable-hash.ts'
import { maxAddressesPerSubset, type Mirror, type Mirrored, mirrorId, mirrorsOf } from './mirror.ts'

const name = 'endpointslicemirroring-controller'
const managedBy = 'endpointslicemirroring-controller.k8s.io'
const serviceNameLabel = 'kubernetes.io/service-name'
const managedByLabel = 'endpointslice.kubernetes.io/managed-by'
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror'
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader'
const notCopied = new Set(['kubectl.kubernetes.io/last-applied-configuration', 'endpoints.kubernetes.io/last-change-trigger-time'])
const byEndpoints = 'mirrored-endpoints'

/** Keeps EndpointSlices of Endpoints that somebody made by hand for a Service without a selector. */
export const endpointSliceMirroringController: Controller = {
  name,
  start(context) {
    const watched = {
      ...context,
      allServices: context.informers.of(services),
      all: context.informers.of(endpoints),
      slices: context.informers.of(endpointSlices),
    }
    watched.slices.addIndex(byEndpoints, mirroredKeys)
    return startController({
      ...machinery(context),
      name,
      sources: [
        source(watched.allServices, keysOfChange),
        source(watched.all, keysOfChange),
        source(watched.slices, ({ old, object }) => [...new Set([old, object].flatMap((slice) => (slice ? mirroredKeys(slice) : [])))]),
      ],
      reconcile: (key) => reconcile(watched, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly allServices: Informer<Service>
  readonly all: Informer<Endpoints>
  readonly slices: Informer<EndpointSlice>
}

const mirroredKeys = ({ metadata }: EndpointSlice): readonly string[] => {
  const service = metadata.labels?.[serviceNameLabel]
  return service !== undefined && metadata.labels?.[managedByLabel] === managedBy ? [`${metadata.namespace}/${service}`] : []
}

const isMirrored = (service: Service | undefined, { metadata }: Endpoints): boolean =>
  service !== undefined &&
  Object.keys(service.spec.selector ?? {}).length === 0 &&
  metadata.deletionTimestamp === undefined &&
  metadata.labels?.[skipLabel] !== 'true' &&
  metadata.annotations?.[leaderAnnotation] === undefined

const reconcile = async (context: Context, key: string): Promise<void> => {
  const source = context.all.get(key)
  const asked = source && isMirrored(context.allServices.get(key), source) ? mirrorsOf(source) : undefined
  const wanted = new Map(asked?.mirrors)
  let isChanged = false
  for (const slice of context.slices.byIndex(byEndpoints, key)) {
    const id = mirrorId(slice.addressType, slice.ports)
    const mirror = wanted.get(id)
    wanted.delete(id)
    if (source && mirror) isChanged = (await update(context, slice, contentOf(source, mirror))) || isChanged
    else if (slice.metadata.deletionTimestamp === undefined) await remove(context, slice)
  }
  if (!source || !asked) return
  for (const [id, mirror] of wanted) await create(context, source, id, mirror)
  if (isChanged || wanted.size > 0) tellOfOmissions(context, source, asked)
}

const tellOfOmissions = ({ recorder }: Context, source: Endpoints, { skipped, invalid }: Mirrored): void => {
  const tell = (reason: string, message: string) => recorder.event({ ...source, apiVersion: 'v1', kind: 'Endpoints' }, 'Warning', reason, message)
  if (invalid > 0) tell('InvalidIPAddress', `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`)
  const limit = `A max of ${maxAddressesPerSubset} addresses can be mirrored to EndpointSlices per Endpoints subset.`
  if (skipped > 0) tell('TooManyAddressesToMirror', `${limit} ${skipped} addresses were skipped`)
}

const contentOf = ({ metadata }: Endpoints, { ports, endpoints: held }: Mirror) => ({
  ports,
  endpoints: held,
  labels: { ...metadata.labels, [serviceNameLabel]: metadata.name, [managedByLabel]: managedBy },
  annotations: Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([annotation]) => !notCopied.has(annotation))),
})

type Content = ReturnType<typeof contentOf>

/** Whether there was something to change. */
const update = async ({ client }: Context, slice: EndpointSlice, { labels, annotations, ...held }: Content): Promise<boolean> => {
  const current = [slice.endpoints ?? [], slice.metadata.labels, slice.metadata.annotations ?? {}]
  if (semanticEqual(current, [held.endpoints, labels, annotations])) return false
  await client.update(endpointSlices, { ...slice, ...held, metadata: { ...slice.metadata, labels, annotations } })
  return true
}

/** The name follows from what the slice is for, so that a stale cache makes none twice. */
const create = async ({ client }: Context, source: Endpoints, id: string, mirror: Mirror): Promise<void> => {
  const { name: endpointsName, namespace, uid } = source.metadata
  const { labels, annotations, ...held } = contentOf(source, mirror)
  await client.create(endpointSlices, {
    ...held,
    addressType: mirror.addressType,
    metadata: {
      name: `${endpointsName}-${stableHash([uid, id]).slice(-5)}`,
      generateName: `${endpointsName}-`,
      namespace,
      labels,
      annotations,
      ownerReferences: [controllerRef(endpoints, source)],
    },
  })
}

const remove = async ({ client }: Context, { metadata }: EndpointSlice): Promise<void> => {
  await client.delete(endpointSlices, metadata, { preconditions: { uid: metadata.uid } }).catch((error: unknown) => {
    if (!isStatusError(error, 'NotFound')) throw error
  })
}
