import type { Service } from '../../../base/api/generated/types.ts'
import { services } from '../../../base/api/kinds.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Controller } from '../controller.ts'
import { type AllocatorContext, startAllocator } from '../lib/allocator.ts'
import { addressAt, type Cidr, containsIp } from '../../../base/lib/cidr.ts'

const name = 'service-controller'

/** Gives Services of type LoadBalancer an address, unless their loadBalancerClass names somebody else's job. */
export const loadBalancerController: Controller = {
  name,
  start(context) {
    return startAllocator(context, { name, kind: services, cidr: context.settings.loadBalancerRange, reconcile })
  },
}

type Context = AllocatorContext<Service>

const reconcile = async (context: Context, key: string): Promise<void> => {
  const { all, given, range } = context
  const service = all.get(key)
  if (!service || service.metadata.deletionTimestamp !== undefined) {
    given.delete(key)
    return
  }
  const current = addressOf(service)
  const isOurs = service.spec.type === 'LoadBalancer' && !service.spec.loadBalancerClass
  if (!isOurs) {
    const isLeftOver = service.spec.type !== 'LoadBalancer' && containsIp(range, current ?? '')
    if (isLeftOver) await release(context, service)
    given.delete(key)
    return
  }
  const wanted = service.spec.loadBalancerIP
  const isSettled = current !== undefined && containsIp(range, current) && (!wanted || wanted === current)
  if (isSettled) given.set(key, current)
  else await assign(context, service)
}

const addressOf = (service: Service): string | undefined => service.status?.loadBalancer?.ingress?.[0]?.ip

const assign = async (context: Context, service: Service): Promise<void> => {
  const { client, recorder, given } = context
  recorder.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer')
  const address = chooseAddress(context, service)
  if (address === undefined) {
    const message = service.spec.loadBalancerIP ? `the address ${service.spec.loadBalancerIP} is not available` : 'no address is left'
    recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: failed to ensure load balancer: ${message}`)
    throw new Error(message)
  }
  given.set(keyOf(service), address)
  await client.update(
    services,
    { ...service, status: { ...service.status, loadBalancer: { ingress: [{ ip: address, ipMode: 'VIP' }] } } },
    { subresource: 'status' },
  )
  recorder.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer')
}

const chooseAddress = ({ all, given, range }: Context, service: Service): string | undefined => {
  const own = keyOf(service)
  const taken = new Set<string>()
  for (const [key, address] of given) if (key !== own) taken.add(address)
  for (const other of all.list()) {
    const address = addressOf(other)
    if (keyOf(other) !== own && address !== undefined) taken.add(address)
  }
  const wanted = service.spec.loadBalancerIP
  if (wanted) return containsIp(range, wanted) && !taken.has(wanted) ? wanted : undefined
  return given.get(own) ?? freeAddress(range, taken)
}

// The first and the last address of a range name the network and everyone in it.
const freeAddress = (range: Cidr, taken: ReadonlySet<string>): string | undefined => {
  for (let index = 1; index < range.size - 1; index++) if (!taken.has(addressAt(range, index))) return addressAt(range, index)
  return undefined
}

const release = async ({ client, recorder }: Context, service: Service): Promise<void> => {
  recorder.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer')
  await client.update(services, { ...service, status: { ...service.status, loadBalancer: {} } }, { subresource: 'status' })
  recorder.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer')
}
