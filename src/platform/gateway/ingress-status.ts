import type { Ingress, IngressLoadBalancerIngress } from '../../base/api/generated/types.ts'
import { ingresses } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'

export type StatusAddress = readonly { readonly ip?: string; readonly hostname?: string }[]

/** Whether an Ingress shows another address than it should. */
export const needsAddress = (ingress: Ingress, address: StatusAddress): boolean =>
  JSON.stringify((ingress.status?.loadBalancer?.ingress ?? []).map(addressOnly)) !== JSON.stringify(address.map(addressOnly))

const addressOnly = ({ ip, hostname }: IngressLoadBalancerIngress) => ({ ip, hostname })

/** Writes the address into the status; an Ingress that has gone meanwhile needs none. */
export const writeAddress = async (client: Client, ingress: Ingress, address: StatusAddress): Promise<void> => {
  const { namespace, name } = ingress.metadata
  try {
    await client.patch(
      ingresses,
      { namespace, name },
      { status: { loadBalancer: { ingress: address.map(addressOnly) } } },
      { type: 'merge', subresource: 'status' },
    )
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error
  }
}
