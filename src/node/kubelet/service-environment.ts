import type { Service } from '../../base/api/generated/types.ts'

/**
 * `{SVC}_SERVICE_HOST`, `{SVC}_SERVICE_PORT` and the Docker link variables: of the Services of the namespace and of `default/kubernetes`.
 * Without service links only the latter's.
 */
export const serviceEnvironment = (services: readonly Service[], namespace: string, isLinked: boolean): Map<string, string> => {
  const env = new Map<string, string>()
  const isMaster = (service: Service) => service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes'
  const shown = services.filter((service) => isMaster(service) || (isLinked && service.metadata.namespace === namespace))
  for (const service of [...shown].sort((a, b) => Number(isMaster(b)) - Number(isMaster(a)))) addService(env, service)
  return env
}

const variable = (name: string) => name.toUpperCase().replaceAll('-', '_')

const addService = (env: Map<string, string>, service: Service): void => {
  const { clusterIP, ports = [] } = service.spec
  if (!clusterIP || clusterIP === 'None' || !ports[0]) return
  const name = variable(service.metadata.name)
  const host = clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP
  env.set(`${name}_SERVICE_HOST`, clusterIP)
  env.set(`${name}_SERVICE_PORT`, String(ports[0].port))
  for (const port of ports) if (port.name) env.set(`${name}_SERVICE_PORT_${variable(port.name)}`, String(port.port))
  ports.forEach((port, index) => {
    const protocol = port.protocol ?? 'TCP'
    const url = `${protocol.toLowerCase()}://${host}:${port.port}`
    const prefix = `${name}_PORT_${port.port}_${protocol}`
    if (index === 0) env.set(`${name}_PORT`, url)
    env.set(prefix, url)
    env.set(`${prefix}_PROTO`, protocol.toLowerCase())
    env.set(`${prefix}_PORT`, String(port.port))
    env.set(`${prefix}_ADDR`, clusterIP)
  })
}
