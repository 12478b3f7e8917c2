import { isIP } from 'node:net'
import type { Service, ServicePort } from '../../generated/types.ts'
import { services } from '../../kinds.ts'
import type { Mutable } from '../../object.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { duplicate, forbidden, invalid, invalidAll, notSupported, oneOf, portNumber, required, unique } from '../field.ts'
import { validateLabels } from '../metadata.ts'
import { dns1123Label, dns1123Subdomain } from '../names.ts'
import { validateTarget } from '../lifecycle-validation.ts'
import { labelsText, loadBalancerText, none } from '../text.ts'

const externalText = ({ spec, status }: Service): string => {
  const listed = (spec.externalIPs ?? []).join(',')
  if (spec.type === 'ExternalName') return spec.externalName ?? ''
  if (spec.type !== 'LoadBalancer') return listed || none
  return [loadBalancerText(status?.loadBalancer), listed].filter(Boolean).join(',') || '<pending>'
}

const portText = ({ port, nodePort, protocol }: ServicePort): string => (nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`)

const defaultService = ({ spec }: Mutable<Service>): void => {
  if (!spec) return
  spec.type ||= 'ClusterIP'
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  else spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10800 } }
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    if (port.targetPort === undefined || port.targetPort === '' || port.targetPort === 0) port.targetPort = port.port
  }
  if (spec.type === 'ExternalName') return
  spec.internalTrafficPolicy ??= 'Cluster'
  spec.ipFamilyPolicy ??= 'SingleStack'
  spec.ipFamilies ??= ['IPv4']
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ||= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
}

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']

const validateService = ({ spec }: Service, old?: Service): FieldFault[] => {
  const headless = spec.clusterIP === 'None'
  const ports = spec.ports ?? []
  return [
    ...(ports.length === 0 && !headless && spec.type !== 'ExternalName' ? [required('spec.ports')] : []),
    ...ports.flatMap((port, i) => validatePort(port, `spec.ports[${i}]`, ports.length > 1)),
    ...unique(
      ports,
      (port) => port.name,
      (i) => `spec.ports[${i}].name`,
    ),
    ...validatePairs(ports),
    ...oneOf('spec.type', spec.type, types),
    ...oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAddresses(spec),
    ...validateExternalName(spec),
    ...(spec.internalTrafficPolicy && !['Cluster', 'Local'].includes(spec.internalTrafficPolicy)
      ? [notSupported('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local'])]
      : []),
    ...(spec.externalTrafficPolicy && !['Cluster', 'Local'].includes(spec.externalTrafficPolicy)
      ? [notSupported('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local'])]
      : []),
    ...(old ? validateAddressKept(spec, old.spec) : []),
  ]
}

const validatePort = (port: ServicePort, at: string, needsName: boolean): FieldFault[] => [
  ...(port.name ? invalidAll(`${at}.name`, port.name, dns1123Label(port.name)) : needsName ? [required(`${at}.name`)] : []),
  ...portNumber(`${at}.port`, port.port),
  ...oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
  ...validateTarget(port.targetPort, `${at}.targetPort`),
]

const validatePairs = (ports: readonly ServicePort[]): FieldFault[] => {
  const seen = new Set<string>()
  return ports.flatMap((port, i) => {
    const pair = `${port.protocol}/${port.port}`
    const faults = seen.has(pair) ? [duplicate(`spec.ports[${i}]`, { protocol: port.protocol, port: port.port })] : []
    seen.add(pair)
    return faults
  })
}

const validateAddresses = (spec: Service['spec']): FieldFault[] => [
  ...(spec.clusterIP && spec.clusterIP !== 'None' && !isIP(spec.clusterIP)
    ? [invalid('spec.clusterIPs[0]', spec.clusterIP, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')]
    : []),
  ...(spec.clusterIP === 'None' && (spec.type === 'NodePort' || spec.type === 'LoadBalancer')
    ? [invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)]
    : []),
  ...(spec.externalIPs ?? []).flatMap((ip, i) =>
    isIP(ip) ? [] : [invalid(`spec.externalIPs[${i}]`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')],
  ),
]

const validateExternalName = (spec: Service['spec']): FieldFault[] => {
  if (spec.type !== 'ExternalName') return []
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  return [
    ...(name ? invalidAll('spec.externalName', spec.externalName, dns1123Subdomain(name)) : [required('spec.externalName')]),
    ...(spec.clusterIP ? [forbidden('spec.clusterIPs', "may not be set when `type` is 'ExternalName'")] : []),
  ]
}

/** The address is given once, unless the type goes to or comes from ExternalName. */
const validateAddressKept = (spec: Service['spec'], before: Service['spec']): FieldFault[] => {
  if (spec.type === 'ExternalName' || before.type === 'ExternalName' || !before.clusterIP || spec.clusterIP === before.clusterIP) return []
  return [invalid('spec.clusterIPs[0]', spec.clusterIP ?? '', spec.clusterIP ? 'may not change once set' : 'primary clusterIP can not be unset')]
}

export const service = defineResource<Service>({
  kind: services,
  subresources: ['status'],
  nameRule: 'dns1123label',
  firstStatus: { loadBalancer: {} },
  defaults: defaultService,
  validate: validateService,
  prepareUpdate(object, old) {
    // Who leaves the address out means the one it has.
    if (object.spec.type === 'ExternalName' || !old.spec.clusterIP || old.spec.type === 'ExternalName') return
    object.spec.clusterIP ||= old.spec.clusterIP
    if (old.spec.clusterIPs && object.spec.clusterIP === old.spec.clusterIP) object.spec.clusterIPs ??= [...old.spec.clusterIPs]
  },
  columns: [
    nameColumn,
    column('Type', ({ spec }) => spec.type ?? '', { description: 'How the Service is exposed.' }),
    column('Cluster-IP', ({ spec }) => spec.clusterIP || none, { description: 'The address inside the cluster.' }),
    column('External-IP', externalText, { description: 'The addresses outside the cluster.' }),
    column('Port(s)', ({ spec }) => (spec.ports ?? []).map(portText).join(',') || none, { description: 'The ports that are exposed.' }),
    ageColumn,
    wide('Selector', ({ spec }) => labelsText(spec.selector), { description: 'The labels of the Pods that traffic goes to.' }),
  ],
})
