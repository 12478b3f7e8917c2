// The rules of Pods and of the templates that make them.
import type {
  Container,
  DownwardAPIVolumeFile,
  EnvVar,
  EphemeralContainer,
  HostPathVolumeSource,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../generated/types.ts'
import { compareQuantities, isQuantity } from '../../lib/quantity.ts'
import type { FieldFault } from '../resource.ts'
import { duplicate, forbidden, invalid, invalidAll, notFound, notSupported, oneOf, portNumber, required, unique } from './field.ts'
import { validateLifecycle, validateProbes, validateRestarts } from './lifecycle-validation.ts'
import { validatePodSecurity, validateSecurity } from './security-validation.ts'
import { validateResourceFieldRef } from './resource-field-ref.ts'
import { validateTemplateMetadata } from './metadata.ts'
import { dns1123Label, dns1123Subdomain, envName, portName, qualifiedName, labelValue } from './names.ts'

type AnyContainer = Container | EphemeralContainer

export const validatePodTemplate = (template: PodTemplateSpec | undefined, field: string): FieldFault[] =>
  template?.spec
    ? [...validateTemplateMetadata(template.metadata, `${field}.metadata`), ...validatePodSpec(template.spec, `${field}.spec`)]
    : [required(`${field}.spec.containers`)]

export const validatePodSpec = (spec: PodSpec, field: string): FieldFault[] => {
  const containers = spec.containers ?? []
  const init = spec.initContainers ?? []
  const volumes = spec.volumes ?? []
  const volumeNames = new Set(volumes.map((volume) => volume.name))
  const named = [
    ...containers.map((container, i) => ({ container, at: `${field}.containers[${i}]` })),
    ...init.map((container, i) => ({ container, at: `${field}.initContainers[${i}]` })),
  ]
  return [
    ...validateVolumes(volumes, `${field}.volumes`),
    ...(containers.length === 0 ? [required(`${field}.containers`)] : []),
    ...named.flatMap(({ container, at }) => validateContainer(container, at, volumeNames)),
    ...unique(
      named,
      ({ container }) => container.name,
      (i) => `${named[i]!.at}.name`,
    ),
    ...validatePortsAcross(containers, `${field}.containers`),
    ...init.flatMap((container, i) => validateInit(container, `${field}.initContainers[${i}]`)),
    ...named.flatMap(({ container, at }) => [
      ...validateLifecycle(container, at, spec.terminationGracePeriodSeconds ?? 30),
      ...validateRestarts(container, at, { isInit: at.startsWith(`${field}.initContainers`) }),
    ]),
    ...validatePodSecurity(spec, field),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }, i) =>
      invalidAll(`${field}.readinessGates[${i}].conditionType`, conditionType, qualifiedName(conditionType ?? '')),
    ),
    ...oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'Never', 'OnFailure']),
    ...oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']),
    ...validateScalars(spec, field),
    ...validateTolerations(spec, field),
    ...validateTopology(spec, field),
  ]
}

const validateScalars = (spec: PodSpec, field: string): FieldFault[] => {
  const { activeDeadlineSeconds: deadline } = spec
  const gates = spec.schedulingGates ?? []
  return [
    ...(deadline !== undefined && (deadline < 1 || deadline > 0x7fffffff)
      ? [invalid(`${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive')]
      : []),
    ...(spec.hostPID && spec.shareProcessNamespace
      ? [invalid(`${field}.securityContext.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled')]
      : []),
    ...(spec.nodeName ? invalidAll(`${field}.nodeName`, spec.nodeName, dns1123Subdomain(spec.nodeName)) : []),
    ...(spec.nodeName && gates.length > 0 ? [forbidden(`${field}.nodeName`, 'cannot be set until all schedulingGates have been cleared')] : []),
    ...(spec.serviceAccountName ? invalidAll(`${field}.serviceAccountName`, spec.serviceAccountName, dns1123Subdomain(spec.serviceAccountName)) : []),
    ...(spec.hostname ? invalidAll(`${field}.hostname`, spec.hostname, dns1123Label(spec.hostname)) : []),
    ...(spec.subdomain ? invalidAll(`${field}.subdomain`, spec.subdomain, dns1123Label(spec.subdomain)) : []),
    ...(spec.priorityClassName ? invalidAll(`${field}.priorityClassName`, spec.priorityClassName, dns1123Subdomain(spec.priorityClassName)) : []),
    ...Object.entries(spec.nodeSelector ?? {}).flatMap(([key, value]) => [
      ...invalidAll(`${field}.nodeSelector`, key, qualifiedName(key)),
      ...invalidAll(`${field}.nodeSelector`, value, labelValue(value)),
    ]),
    ...(spec.dnsPolicy === 'None' && (spec.dnsConfig?.nameservers ?? []).length === 0
      ? [required(`${field}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')]
      : []),
  ]
}

const validateVolumes = (volumes: readonly Volume[], field: string): FieldFault[] => [
  ...volumes.flatMap((volume, i) => {
    const at = `${field}[${i}]`
    const sources = Object.entries(volume)
      .filter(([name, source]) => name !== 'name' && source !== undefined && source !== null)
      .map(([name]) => name)
    return [
      ...(volume.name ? invalidAll(`${at}.name`, volume.name, dns1123Label(volume.name)) : [required(`${at}.name`)]),
      ...(sources.length === 0 ? [required(at, 'must specify a volume type')] : []),
      ...sources.slice(1).map((source) => forbidden(`${at}.${source}`, 'may not specify more than 1 volume type')),
      ...(volume.configMap && !volume.configMap.name ? [required(`${at}.configMap.name`)] : []),
      ...(volume.secret && !volume.secret.secretName ? [required(`${at}.secret.secretName`)] : []),
      ...(volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName ? [required(`${at}.persistentVolumeClaim.claimName`)] : []),
      ...(volume.hostPath ? validateHostPath(volume.hostPath, `${at}.hostPath`) : []),
      ...validateDownwardItems(volume.downwardAPI?.items, `${at}.downwardAPI`),
      ...(volume.projected?.sources ?? []).flatMap((source, s) =>
        validateDownwardItems(source.downwardAPI?.items, `${at}.projected.sources[${s}].downwardAPI`),
      ),
    ]
  }),
  ...unique(
    volumes,
    (volume) => volume.name,
    (i) => `${field}[${i}].name`,
  ),
]

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket']

const validateHostPath = ({ path, type }: HostPathVolumeSource, at: string): FieldFault[] => [
  ...(path ? [] : [required(`${at}.path`)]),
  ...(path?.split('/').includes('..') ? [invalid(`${at}.path`, path, "must not contain '..'")] : []),
  ...(type ? oneOf(`${at}.type`, type, hostPathTypes) : []),
]

const validateDownwardItems = (items: readonly DownwardAPIVolumeFile[] | undefined, at: string): FieldFault[] =>
  (items ?? []).flatMap((item) => [
    ...(item.path ? [] : [required(`${at}.path`)]),
    ...(item.resourceFieldRef ? validateResourceFieldRef(item.resourceFieldRef, `${at}.resourceFieldRef`, { isFile: true }) : []),
    ...(item.fieldRef || item.resourceFieldRef ? [] : [required(at, 'one of fieldRef and resourceFieldRef is required')]),
  ])

export const validateContainer = (container: AnyContainer, at: string, volumes: ReadonlySet<string>): FieldFault[] => [
  ...(container.name ? invalidAll(`${at}.name`, container.name, dns1123Label(container.name)) : [required(`${at}.name`)]),
  ...validateImage(container.image, `${at}.image`),
  ...oneOf(`${at}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
  ...oneOf(`${at}.terminationMessagePolicy`, container.terminationMessagePolicy, ['FallbackToLogsOnError', 'File']),
  ...validatePorts(container, `${at}.ports`),
  ...(container.env ?? []).flatMap((env, i) => validateEnv(env, `${at}.env[${i}]`)),
  ...(container.envFrom ?? []).flatMap((source, i) => validateEnvFrom(source, `${at}.envFrom[${i}]`)),
  ...validateMounts(container, `${at}.volumeMounts`, volumes),
  ...validateResources(container, `${at}.resources`),
  ...validateProbes(container, at),
  ...validateSecurity(container, at),
]

const validateImage = (image: string | undefined, field: string): FieldFault[] => {
  if (!image) return [required(field)]
  return image !== image.trim() ? [invalid(field, image, 'must not have leading or trailing whitespace')] : []
}

const validateInit = (container: Container, at: string): FieldFault[] => {
  if (container.restartPolicy === 'Always') return []
  const barred = (['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const).filter((name) => container[name])
  return barred.map((name) => forbidden(`${at}.${name}`, 'may not be set for init containers without restartPolicy=Always'))
}

const validatePorts = (container: AnyContainer, field: string): FieldFault[] => {
  const ports = container.ports ?? []
  return [
    ...ports.flatMap((port, i) => [
      ...(port.name ? invalidAll(`${field}[${i}].name`, port.name, portName(port.name)) : []),
      ...(port.containerPort ? portNumber(`${field}[${i}].containerPort`, port.containerPort) : [required(`${field}[${i}].containerPort`)]),
      ...(port.hostPort ? portNumber(`${field}[${i}].hostPort`, port.hostPort) : []),
      ...oneOf(`${field}[${i}].protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
    ]),
    ...unique(
      ports,
      (port) => port.name,
      (i) => `${field}[${i}].name`,
    ),
  ]
}

/** Two containers of one Pod cannot have the same host port. */
const validatePortsAcross = (containers: readonly Container[], field: string): FieldFault[] => {
  const all = containers.flatMap((container, c) => (container.ports ?? []).map((port, p) => ({ port, at: `${field}[${c}].ports[${p}].hostPort` })))
  return unique(
    all,
    ({ port }) => (port.hostPort ? `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}` : undefined),
    (i) => all[i]!.at,
  )
}

const validateEnv = (env: EnvVar, at: string): FieldFault[] => {
  const from = env.valueFrom
  const sources = Object.entries(from ?? {}).filter(([, source]) => source !== undefined && source !== null)
  return [
    ...(env.name ? invalidAll(`${at}.name`, env.name, envName(env.name)) : [required(`${at}.name`)]),
    ...(from && sources.length === 0
      ? [invalid(`${at}.valueFrom`, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`')]
      : []),
    ...(sources.length > 1 ? [invalid(`${at}.valueFrom`, '', 'may not have more than one field specified at a time')] : []),
    ...(from && env.value ? [invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty')] : []),
    ...(from?.configMapKeyRef && !from.configMapKeyRef.key ? [required(`${at}.valueFrom.configMapKeyRef.key`)] : []),
    ...(from?.secretKeyRef && !from.secretKeyRef.key ? [required(`${at}.valueFrom.secretKeyRef.key`)] : []),
    ...(from?.resourceFieldRef ? validateResourceFieldRef(from.resourceFieldRef, `${at}.valueFrom.resourceFieldRef`, { isFile: false }) : []),
    ...(from?.fieldRef && !from.fieldRef.fieldPath ? [required(`${at}.valueFrom.fieldRef.fieldPath`)] : []),
  ]
}

const validateEnvFrom = (source: NonNullable<Container['envFrom']>[number], at: string): FieldFault[] => {
  if (source.configMapRef && source.secretRef) return [invalid(at, '', 'may not have more than one field specified at a time')]
  if (source.configMapRef) return source.configMapRef.name ? [] : [required(`${at}.configMapRef.name`)]
  if (source.secretRef) return source.secretRef.name ? [] : [required(`${at}.secretRef.name`)]
  return [invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`')]
}

const validateMounts = (container: AnyContainer, field: string, volumes: ReadonlySet<string>): FieldFault[] => {
  const mounts = container.volumeMounts ?? []
  const paths = new Set<string>()
  return mounts.flatMap((mount, i) => {
    const faults = [
      ...(!mount.name ? [required(`${field}[${i}].name`)] : volumes.has(mount.name) ? [] : [notFound(`${field}[${i}].name`, mount.name)]),
      ...(mount.mountPath ? [] : [required(`${field}[${i}].mountPath`)]),
      ...(paths.has(mount.mountPath) ? [invalid(`${field}[${i}].mountPath`, mount.mountPath, 'must be unique')] : []),
      ...(mount.subPath?.startsWith('/') ? [invalid(`${field}[${i}].subPath`, mount.subPath, 'must be a relative path')] : []),
      ...(mount.subPath?.split('/').includes('..') ? [invalid(`${field}[${i}].subPath`, mount.subPath, "must not contain '..'")] : []),
    ]
    paths.add(mount.mountPath)
    return faults
  })
}

const validateResources = (container: AnyContainer, field: string): FieldFault[] => {
  const { limits = {}, requests = {} } = container.resources ?? {}
  const amounts = (values: Readonly<Record<string, string>>, at: string): FieldFault[] =>
    Object.entries(values).flatMap(([name, value]) => {
      if (!isQuantity(String(value)))
        return [invalid(`${at}[${name}]`, value, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
      return String(value).startsWith('-') ? [invalid(`${at}[${name}]`, value, 'must be greater than or equal to 0')] : []
    })
  const isAbove = (value: string, limit: string | undefined): boolean =>
    limit !== undefined && isQuantity(value) && isQuantity(limit) && compareQuantities(value, limit) > 0
  const above = Object.entries(requests).filter(([name, value]) => isAbove(value, limits[name]))
  return [
    ...amounts(limits, `${field}.limits`),
    ...amounts(requests, `${field}.requests`),
    ...above.map(([name, value]) => invalid(`${field}.requests`, value, `must be less than or equal to ${name} limit of ${limits[name]}`)),
  ]
}

const validateTolerations = (spec: PodSpec, field: string): FieldFault[] =>
  (spec.tolerations ?? []).flatMap((toleration, i) => {
    const at = `${field}.tolerations[${i}]`
    const operator = toleration.operator || 'Equal'
    return [
      ...(toleration.key ? invalidAll(`${at}.key`, toleration.key, qualifiedName(toleration.key)) : []),
      ...(!toleration.key && operator !== 'Exists'
        ? [invalid(`${at}.operator`, toleration.operator ?? '', 'operator must be Exists when `key` is empty, which means "match all values and all keys"')]
        : []),
      ...(['Equal', 'Exists', 'Lt', 'Gt'].includes(operator) ? [] : [notSupported(`${at}.operator`, operator, ['Equal', 'Exists'])]),
      ...(operator === 'Exists' && toleration.value ? [invalid(`${at}.operator`, toleration, "value must be empty when `operator` is 'Exists'")] : []),
      ...(toleration.effect && !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(toleration.effect)
        ? [notSupported(`${at}.effect`, toleration.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])]
        : []),
      ...(toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute'
        ? [invalid(`${at}.effect`, toleration.effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set")]
        : []),
    ]
  })

const validateTopology = (spec: PodSpec, field: string): FieldFault[] => {
  const constraints = spec.topologySpreadConstraints ?? []
  const pairs = new Set<string>()
  return constraints.flatMap((constraint, i) => {
    const at = `${field}.topologySpreadConstraints[${i}]`
    const pair = `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`
    const repeated = pairs.has(pair)
    pairs.add(pair)
    return [
      ...(constraint.maxSkew > 0 ? [] : [invalid(`${at}.maxSkew`, constraint.maxSkew ?? 0, 'must be greater than zero')]),
      ...(constraint.topologyKey ? [] : [required(`${at}.topologyKey`, 'can not be empty')]),
      ...oneOf(`${at}.whenUnsatisfiable`, constraint.whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']),
      ...(repeated ? [duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair)] : []),
    ]
  })
}
