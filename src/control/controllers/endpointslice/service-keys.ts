import type { Pod, Service } from '../../../base/api/generated/types.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { concernsEndpoints, isSelectedBy } from './pod-endpoints.ts'

/** The keys of the Services whose endpoints a Pod's change may concern: those that select it, or did. */
export const servicesOfPod = (services: Informer<Service>, { old, object }: { readonly old?: Pod; readonly object?: Pod }): readonly string[] => {
  if (old && object && !concernsEndpoints(old, object)) return []
  const states = [old, object].filter((pod) => pod !== undefined)
  const candidates = services.list(states[0]?.metadata.namespace)
  return candidates.filter((service) => states.some((pod) => isSelectedBy(service, pod))).map(keyOf)
}
