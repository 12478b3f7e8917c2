// Ingresses and their classes.
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass } from '../../generated/types.ts'
import { ingressClasses, ingresses } from '../../kinds.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { immutable, invalid, invalidAll, notSupported, portNumber, required } from '../field.ts'
import { dns1035Label, dns1123Subdomain, portName, wildcardDns1123Subdomain } from '../names.ts'
import { loadBalancerText, none, someOf } from '../text.ts'

type Rule = NonNullable<Ingress['spec']['rules']>[number]
type Path = HTTPIngressPath

const validateIngress = ({ spec }: Ingress): FieldFault[] => [
  ...((spec.rules ?? []).length === 0 && !spec.defaultBackend ? [invalid('spec', spec, 'either `defaultBackend` or `rules` must be specified')] : []),
  ...(spec.defaultBackend ? validateBackend(spec.defaultBackend, 'spec.defaultBackend') : []),
  ...(spec.ingressClassName ? invalidAll('spec.ingressClassName', spec.ingressClassName, dns1123Subdomain(spec.ingressClassName)) : []),
  ...(spec.rules ?? []).flatMap((rule, i) => validateRule(rule, `spec.rules[${i}]`)),
  ...(spec.tls ?? []).flatMap((tls, i) => (tls.hosts ?? []).flatMap((host, h) => validateHost(host, `spec.tls[${i}].hosts[${h}]`))),
]

const validateHost = (host: string, field: string): FieldFault[] =>
  invalidAll(field, host, host.includes('*') ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host))

const validateRule = (rule: Rule, at: string): FieldFault[] => [
  ...(rule.host
    ? /^[\d.]+$/.test(rule.host) && rule.host.split('.').length === 4
      ? [invalid(`${at}.host`, rule.host, 'must be a DNS name, not an IP address')]
      : validateHost(rule.host, `${at}.host`)
    : []),
  ...(rule.http && (rule.http.paths ?? []).length === 0 ? [required(`${at}.http.paths`)] : []),
  ...(rule.http?.paths ?? []).flatMap((path, i) => validatePath(path, `${at}.http.paths[${i}]`)),
]

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix']

const validatePath = (path: Path, at: string): FieldFault[] => {
  const backend = validateBackend(path.backend, `${at}.backend`)
  if (!path.pathType) return [required(`${at}.pathType`, 'pathType must be specified'), ...backend]
  if (!pathTypes.includes(path.pathType)) return [notSupported(`${at}.pathType`, path.pathType, pathTypes), ...backend]
  if (path.pathType === 'ImplementationSpecific')
    return [...(path.path && !path.path.startsWith('/') ? [invalid(`${at}.path`, path.path, 'must be an absolute path')] : []), ...backend]
  const bad = ['//', '/./', '/../', '%2f', '%2F'].filter((part) => path.path?.includes(part))
  return [
    ...(path.path?.startsWith('/') ? [] : [invalid(`${at}.path`, path.path ?? '', 'must be an absolute path')]),
    ...bad.map((part) => invalid(`${at}.path`, path.path, `must not contain '${part}'`)),
    ...backend,
  ]
}

const validateBackend = (backend: IngressBackend | undefined, at: string): FieldFault[] => {
  const { service, resource } = backend ?? {}
  if (service && resource) return [invalid(at, '', 'cannot set both resource and service backends')]
  if (resource) return resource.name ? [] : [required(`${at}.resource.name`)]
  if (!service) return [required(at, 'resource or service backend is required')]
  const { name, port } = service
  const ofPort =
    port?.name && port.number
      ? [invalid(at, '', 'cannot set both port name & port number')]
      : port?.name
        ? invalidAll(`${at}.service.port.name`, port.name, portName(port.name))
        : port?.number
          ? portNumber(`${at}.service.port.number`, port.number)
          : [required(at, 'port name or number is required')]
  return [...(name ? invalidAll(`${at}.service.name`, name, dns1035Label(name)) : [required(`${at}.service.name`)]), ...ofPort]
}

export const ingress = defineResource<Ingress>({
  kind: ingresses,
  subresources: ['status'],
  firstStatus: { loadBalancer: {} },
  hasGeneration: true,
  validate: validateIngress,
  columns: [
    nameColumn,
    column('Class', ({ spec }) => spec?.ingressClassName ?? none, { description: 'Whose work it is.' }),
    column('Hosts', ({ spec }) => someOf((spec?.rules ?? []).map(({ host }) => host ?? '').filter(Boolean), 3) || '*', {
      description: 'The hosts that it serves.',
    }),
    column('Address', ({ status }) => loadBalancerText(status?.loadBalancer as Parameters<typeof loadBalancerText>[0]), { description: 'Where it is served.' }),
    column('Ports', ({ spec }) => ((spec?.tls ?? []).length > 0 ? '80, 443' : '80'), { description: 'The ports that it is served at.' }),
    ageColumn,
  ],
})

const parametersText = ({ spec }: IngressClass): string => {
  const parameters = spec?.parameters
  return parameters ? `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}` : none
}

export const ingressClass = defineResource<IngressClass>({
  kind: ingressClasses,
  hasGeneration: true,
  defaults({ spec }) {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster'
  },
  validate: ({ spec }, old) => [
    ...(spec?.controller ? [] : [required('spec.controller')]),
    ...(old ? immutable('spec.controller', spec?.controller, spec?.controller !== old.spec?.controller) : []),
  ],
  columns: [
    nameColumn,
    column('Controller', ({ spec }) => spec?.controller ?? '', { description: 'Who serves the Ingresses of this class.' }),
    column('Parameters', parametersText, { description: 'Where its settings stand.' }),
    ageColumn,
  ],
})
