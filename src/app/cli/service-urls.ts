import type { Service, ServicePort } from '../../base/api/generated/types.ts'

export interface NodeAddress {
  readonly name: string
  readonly address: string
}

export interface ServiceUrl {
  /** `http/80`, or `80` for a port without a name, as minikube shows it. */
  readonly targetPort: string
  readonly url: string
}

/** A URL a port: at the load balancer's address where there is one, else at the first node's. Empty where the Service is reached by neither. */
export function serviceUrls({ spec, status }: Service, nodes: readonly NodeAddress[]): ServiceUrl[] {
  const balancer = status?.loadBalancer?.ingress?.find(({ ip }) => ip)?.ip
  const node = nodes[0]?.address
  return (spec.ports ?? []).flatMap((port) => {
    const targetPort = port.name ? `${port.name}/${port.port}` : String(port.port)
    if (balancer) return [{ targetPort, url: urlOf(port, balancer, port.port) }]
    return port.nodePort && node ? [{ targetPort, url: urlOf(port, node, port.nodePort) }] : []
  })
}

const urlOf = ({ protocol, name, appProtocol, port }: ServicePort, host: string, number: number): string => {
  const isHttps = appProtocol === 'https' || name === 'https' || port === 443
  return `${protocol === 'UDP' ? 'udp' : isHttps ? 'https' : 'http'}://${host}:${number}`
}
