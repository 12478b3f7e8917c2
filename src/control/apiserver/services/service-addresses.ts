import type { Service } from '../../../base/api/generated/types.ts'
import { ipAddresses, services } from '../../../base/api/kinds.ts'
import type { KubeObject, Mutable } from '../../../base/api/object.ts'
import type { FieldFault } from '../../../base/api/resource.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import type { ServerContext } from '../context.ts'
import { internal, invalid } from '../errors.ts'
import { createObject } from '../storage/create-object.ts'
import type { Reservation, WriteHook, WriteIntent } from '../storage/write-hook.ts'
import { type Cidr, parseCidr } from '../../../base/lib/cidr.ts'
import { isServiceAddress, pickAddress, serviceAddresses } from './service-range.ts'
import { NodePorts } from './node-ports.ts'

type DraftService = Mutable<Service>

const system = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }
const randomAttempts = 64

/** Whether a Service of this type has an address of the cluster at all. */
const wantsAddress = ({ spec }: Pick<Service, 'spec'>): boolean => spec?.type !== 'ExternalName' && spec?.clusterIP !== 'None'
const hasAddress = ({ spec }: Pick<Service, 'spec'>): boolean => Boolean(spec?.clusterIP) && wantsAddress({ spec })

/** Gives Services their cluster address and node ports. An address is an IPAddress object: creating it is the lock. */
export class ServiceAddresses implements WriteHook {
  readonly #ctx: () => ServerContext
  readonly #cidr: Cidr
  readonly #nodePorts: NodePorts

  constructor(options: { ctx: () => ServerContext; serviceCIDR: string; nodePorts?: { first: number; last: number } }) {
    this.#ctx = options.ctx
    this.#cidr = parseCidr(options.serviceCIDR)
    this.#nodePorts = new NodePorts(options.ctx, options.nodePorts ?? { first: 30_000, last: 32_767 })
  }

  matches(resource: WriteIntent['resource']): boolean {
    return resource.kind.group === '' && resource.kind.plural === services.plural
  }

  async before({ object, old, dryRun }: WriteIntent): Promise<Reservation> {
    const before = old as Service | undefined
    const service = object as unknown as DraftService | undefined
    const held = service && (await this.#hold(service, before, dryRun))
    const freed = before && hasAddress(before) && (!service || service.spec?.clusterIP !== before.spec?.clusterIP) ? before.spec?.clusterIP : undefined
    return {
      done: async () => {
        held?.ports.release()
        if (freed) await this.#release(freed)
      },
      undo: async () => {
        held?.ports.release()
        if (held?.address) await this.#release(held.address)
      },
    }
  }

  async #hold(service: DraftService, before: Service | undefined, dryRun: boolean): Promise<{ address?: string | undefined; ports: { release(): void } }> {
    refuseIPv6(service)
    const spec = service.spec!
    if (spec.type === 'ExternalName') {
      delete (spec as Partial<typeof spec>).clusterIP
      delete (spec as Partial<typeof spec>).clusterIPs
      return { ports: { release() {} } }
    }
    setFamilies(spec)
    const ports = this.#nodePorts.reserve(service, before)
    try {
      return { address: await this.#holdAddress(service, before, dryRun), ports }
    } catch (error) {
      ports.release()
      throw error
    }
  }

  async #holdAddress(service: DraftService, before: Service | undefined, dryRun: boolean): Promise<string | undefined> {
    const spec = service.spec!
    const asked = spec.clusterIP || spec.clusterIPs?.[0] || ''
    if (asked === 'None') return void Object.assign(spec, { clusterIP: 'None', clusterIPs: ['None'] })
    if (asked && before?.spec?.clusterIP === asked && hasAddress(before)) return void Object.assign(spec, { clusterIPs: [asked] })
    const address = asked ? await this.#lockAsked(service, asked, dryRun) : await this.#lockAny(service, dryRun)
    Object.assign(spec, { clusterIP: address, clusterIPs: [address] })
    return dryRun ? undefined : address
  }

  async #lockAsked(service: DraftService, address: string, dryRun: boolean): Promise<string> {
    const refuse = (why: string) => fault(service, 'spec.clusterIPs', `Invalid value: ${JSON.stringify([address])}: failed to allocate IP ${address}: ${why}`)
    if (!isServiceAddress(this.#cidr, address)) throw refuse(`the provided network does not match the current range`)
    if (await this.#lock(service, address, dryRun)) return address
    throw refuse('provided IP is already allocated')
  }

  async #lockAny(service: DraftService, dryRun: boolean): Promise<string> {
    for (let attempt = 0; attempt < randomAttempts; attempt++) {
      const address = pickAddress(this.#cidr)
      if (await this.#lock(service, address, dryRun)) return address
    }
    for (const address of serviceAddresses(this.#cidr)) if (await this.#lock(service, address, dryRun)) return address
    throw internal('failed to allocate a serviceIP: range is full')
  }

  /** False when somebody else holds it. */
  async #lock(service: DraftService, name: string, dryRun: boolean): Promise<boolean> {
    const ctx = this.#ctx()
    const resource = ctx.registry.find(ipAddresses)!
    if (ctx.storage.get(resource, { name })) return this.#isOwnLeftover(service, name)
    const parentRef = { group: '', resource: 'services', namespace: service.metadata.namespace, name: service.metadata.name }
    const labels = { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' }
    const object = { kind: 'IPAddress', apiVersion: 'networking.k8s.io/v1', metadata: { name, labels }, spec: { parentRef } } as unknown as Mutable<KubeObject>
    try {
      await createObject(ctx, { resource, object, namespace: '', manager: { name: 'kube-apiserver', operation: 'Update' }, user: system, dryRun })
      return true
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) return false
      throw error
    }
  }

  /** After a crash between the lock and the Service, the same Service takes its own lock again. */
  #isOwnLeftover({ metadata }: DraftService, name: string): boolean {
    const ctx = this.#ctx()
    const held = ctx.storage.get(ctx.registry.find(ipAddresses)!, { name })?.object as
      | { spec?: { parentRef?: { name?: string; namespace?: string } } }
      | undefined
    const owner = held?.spec?.parentRef
    if (owner?.name !== metadata.name || owner?.namespace !== metadata.namespace) return false
    return !ctx.storage.get(ctx.registry.find(services)!, { namespace: metadata.namespace, name: metadata.name })
  }

  async #release(name: string): Promise<void> {
    const { storage, registry } = this.#ctx()
    const item = storage.get(registry.find(ipAddresses)!, { name })
    if (item) await storage.delete(item)
  }
}

function setFamilies(spec: NonNullable<DraftService['spec']>): void {
  spec.ipFamilies = ['IPv4']
  spec.ipFamilyPolicy ??= 'SingleStack'
}

function refuseIPv6(service: DraftService): void {
  const { ipFamilies = [], ipFamilyPolicy } = service.spec ?? {}
  if (ipFamilyPolicy === 'RequireDualStack') {
    throw fault(service, 'spec.ipFamilyPolicy', 'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services')
  }
  const index = ipFamilies.indexOf('IPv6')
  if (index >= 0) throw fault(service, `spec.ipFamilies[${index}]`, 'Invalid value: "IPv6": not configured on this cluster')
}

const fault = (service: DraftService, field: string, message: string) =>
  invalid(services, service.metadata.name, [{ type: 'FieldValueInvalid', field, message } satisfies FieldFault])
