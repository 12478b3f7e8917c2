import type { EndpointSlice, IngressClass, Service } from '../../base/api/generated/types.ts'
import { endpointSlices, ingressClasses, services } from '../../base/api/kinds.ts'
import type { Kind } from '../../base/api/kind.ts'
import type { Draft, KubeObject } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { defaultClassAnnotation, ingressClassName, ingressController } from './ingress-class.ts'

/** The Service that carries the gateway's outward address. */
export const gatewayService = { namespace: 'kube-system', name: 'ingress-knarr' } as const

export interface IngressObjectsOptions {
  /** Where the gateway listens, as Services reach it. */
  readonly address: string
  readonly httpPort: number
  readonly httpsPort: number
}

const labels = { 'app.kubernetes.io/name': 'ingress-knarr', 'app.kubernetes.io/managed-by': 'knarr' }

/**
 * Makes the IngressClass, the Service of type LoadBalancer and its EndpointSlice. Safe to repeat: class and Service are left as
 * the user has made them, the EndpointSlice follows the gateway. The namespace `kube-system` must be there.
 */
export const ensureIngressObjects = async (client: Client, options: IngressObjectsOptions): Promise<void> => {
  await Promise.all([createOnce(client, ingressClasses, ingressClass), createOnce(client, services, service)])
  const slice = endpointSlice(options)
  if (!(await createOnce(client, endpointSlices, slice))) {
    const { endpoints, ports } = slice
    await client.patch(endpointSlices, gatewayService, { endpoints, ports }, { type: 'merge' })
  }
}

/** Whether it was this call that created it. */
const createOnce = async <T extends KubeObject>(client: Client, kind: Kind<T>, object: Draft<T>): Promise<boolean> => {
  try {
    await client.create(kind, object)
    return true
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return false
    throw error
  }
}

const ingressClass: Draft<IngressClass> = {
  metadata: { name: ingressClassName, labels, annotations: { [defaultClassAnnotation]: 'true' } },
  spec: { controller: ingressController },
}

const service: Draft<Service> = {
  metadata: { ...gatewayService, labels },
  spec: {
    type: 'LoadBalancer',
    ports: [
      { name: 'http', port: 80, targetPort: 80, protocol: 'TCP' },
      { name: 'https', port: 443, targetPort: 443, protocol: 'TCP' },
    ],
  },
}

const endpointSlice = ({ address, httpPort, httpsPort }: IngressObjectsOptions): Draft<EndpointSlice> => ({
  metadata: {
    ...gatewayService,
    labels: { ...labels, 'kubernetes.io/service-name': gatewayService.name, 'endpointslice.kubernetes.io/managed-by': ingressController.replace('/', '-') },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
  ports: [
    { name: 'http', port: httpPort, protocol: 'TCP' },
    { name: 'https', port: httpsPort, protocol: 'TCP' },
  ],
})
