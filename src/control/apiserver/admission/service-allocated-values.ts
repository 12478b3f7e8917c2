import type { Mutable } from '../../../base/api/object.ts'
import type { Service } from '../../../base/api/generated/types.ts'
import type { AdmissionPlugin } from './admission.ts'

type DraftService = Mutable<Service>

/** An update that leaves out what the server allocated keeps it, so that a plain `replace` works. */
export const serviceAllocatedValues: AdmissionPlugin = {
  name: 'ServiceAllocatedValues',
  admit({ operation, resource: { kind }, subresource, object, old }) {
    if (operation !== 'UPDATE' || kind.group !== '' || kind.plural !== 'services' || subresource) return
    const [service, before] = [object as unknown as DraftService, old as unknown as Service]
    const [spec, stored] = [service.spec, before.spec]
    if (!spec || !stored || spec.type === 'ExternalName' || stored.type === 'ExternalName') return
    keepAddress(spec, stored)
    keepNodePorts(spec, stored)
  },
}

function keepAddress(spec: NonNullable<DraftService['spec']>, stored: NonNullable<Service['spec']>): void {
  if (!spec.clusterIP && !spec.clusterIPs?.length && stored.clusterIP) spec.clusterIP = stored.clusterIP
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
  if (!spec.ipFamilies?.length && stored.ipFamilies) spec.ipFamilies = [...stored.ipFamilies]
  if (!spec.ipFamilyPolicy && stored.ipFamilyPolicy) spec.ipFamilyPolicy = stored.ipFamilyPolicy
}

const takesPorts = (type: string | undefined): boolean => type === 'NodePort' || type === 'LoadBalancer'

function keepNodePorts(spec: NonNullable<DraftService['spec']>, stored: NonNullable<Service['spec']>): void {
  if (!takesPorts(spec.type) || !takesPorts(stored.type)) return
  const used = new Set(spec.ports?.map((port) => port.nodePort).filter(Boolean))
  for (const port of spec.ports ?? []) {
    const same = stored.ports?.find((other) => other.port === port.port && other.protocol === port.protocol)
    if (port.nodePort || !same?.nodePort || used.has(same.nodePort)) continue
    port.nodePort = same.nodePort
    used.add(same.nodePort)
  }
  if (!spec.healthCheckNodePort && stored.healthCheckNodePort && spec.externalTrafficPolicy === 'Local') spec.healthCheckNodePort = stored.healthCheckNodePort
}
