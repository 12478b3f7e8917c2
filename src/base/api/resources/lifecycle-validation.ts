// The rules of what happens to a container: its probes, its hooks and its restarts.
import type { Container, HTTPGetAction, LifecycleHandler, Probe } from '../generated/types.ts'
import type { FieldFault } from '../resource.ts'
import { duplicate, forbidden, invalid, invalidAll, nonNegative, notSupported, oneOf, portNumber, required, tooMany } from './field.ts'
import { portName } from './names.ts'

const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const

export const validateProbes = (container: Partial<Pick<Container, (typeof probes)[number]>>, at: string): FieldFault[] =>
  probes.flatMap((name) => (container[name] ? validateProbe(container[name], `${at}.${name}`, name) : []))

const validateProbe = (probe: Probe, at: string, name: (typeof probes)[number]): FieldFault[] => {
  const grace = probe.terminationGracePeriodSeconds
  return [
    ...validateHandler(probe, at, ['exec', 'httpGet', 'tcpSocket', 'grpc']),
    ...(['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const).flatMap((field) =>
      nonNegative(`${at}.${field}`, probe[field]),
    ),
    ...(grace !== undefined && grace <= 0 ? [invalid(`${at}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')] : []),
    ...(grace !== undefined && name === 'readinessProbe' ? [invalid(`${at}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes')] : []),
    ...(name !== 'readinessProbe' && (probe.successThreshold ?? 1) !== 1 ? [invalid(`${at}.successThreshold`, probe.successThreshold, 'must be 1')] : []),
  ]
}

export const validateLifecycle = ({ lifecycle }: Pick<Container, 'lifecycle'>, at: string, graceSeconds: number): FieldFault[] =>
  (['postStart', 'preStop'] as const).flatMap((name) => {
    const hook = lifecycle?.[name]
    if (!hook) return []
    const seconds = hook.sleep?.seconds ?? 0
    return [
      ...validateHandler(hook, `${at}.lifecycle.${name}`, ['exec', 'httpGet', 'tcpSocket', 'sleep']),
      ...(seconds < 0 || seconds > graceSeconds
        ? [invalid(`${at}.lifecycle.${name}.sleep`, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`)]
        : []),
    ]
  })

type Handler = Probe & LifecycleHandler

const validateHandler = (handler: Handler, at: string, known: readonly ('exec' | 'httpGet' | 'tcpSocket' | 'grpc' | 'sleep')[]): FieldFault[] => {
  const used = known.filter((name) => handler[name])
  return [
    ...(used.length === 0 ? [required(at, 'must specify a handler type')] : []),
    ...used.slice(1).map((name) => forbidden(`${at}.${name}`, 'may not specify more than 1 handler type')),
    ...(handler.exec && (handler.exec.command ?? []).length === 0 ? [required(`${at}.exec.command`)] : []),
    ...(handler.httpGet ? validateHttpGet(handler.httpGet, `${at}.httpGet`) : []),
    ...(handler.tcpSocket ? validateTarget(handler.tcpSocket.port, `${at}.tcpSocket.port`) : []),
    ...(handler.grpc ? portNumber(`${at}.grpc.port`, handler.grpc.port) : []),
  ]
}

const headerWords = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"

const validateHttpGet = ({ path, port, scheme, httpHeaders = [] }: HTTPGetAction, at: string): FieldFault[] => [
  ...(path ? [] : [required(`${at}.path`)]),
  ...validateTarget(port, `${at}.port`),
  ...oneOf(`${at}.scheme`, scheme, ['HTTP', 'HTTPS']),
  ...httpHeaders.filter(({ name }) => !/^[-A-Za-z0-9]+$/.test(name ?? '')).map(({ name }) => invalid(`${at}.httpHeaders`, name ?? '', headerWords)),
]

/** A port by number or by name. */
export const validateTarget = (port: string | number | undefined, field: string): FieldFault[] =>
  typeof port === 'string' ? invalidAll(field, port, portName(port)) : portNumber(field, port)

const policies = ['Always', 'Never', 'OnFailure']
const mostRules = 20
const mostExitCodes = 255

/** A container's own restart policy and the rules that come before it. */
export const validateRestarts = (container: Container, at: string, { isInit }: { isInit: boolean }): FieldFault[] => {
  const { restartPolicy: policy, restartPolicyRules: rules = [] } = container
  const field = `${at}.restartPolicyRules`
  return [
    ...(policy !== undefined && !policies.includes(policy) ? [notSupported(`${at}.restartPolicy`, policy, policies)] : []),
    ...(rules.length > 0 && policy === undefined ? [required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used')] : []),
    ...(rules.length > 0 && policy === 'Always' && isInit
      ? [forbidden(field, 'restartPolicyRules are not allowed for init containers with restart policy Always')]
      : []),
    ...(rules.length > mostRules ? [tooMany(field, rules.length, mostRules)] : []),
    ...rules.flatMap((rule, i) => validateRule(rule, `${field}[${i}]`)),
  ]
}

const validateRule = ({ action, exitCodes }: NonNullable<Container['restartPolicyRules']>[number], at: string): FieldFault[] => {
  const values = exitCodes?.values ?? []
  return [
    ...oneOf(`${at}.action`, action, ['Restart']),
    ...(exitCodes
      ? [
          ...oneOf(`${at}.exitCodes.operator`, exitCodes.operator, ['In', 'NotIn']),
          ...(values.length === 0 ? [invalid(`${at}.exitCodes.values`, values, 'must specify at least one value')] : []),
          ...(values.length > mostExitCodes ? [tooMany(`${at}.exitCodes.values`, values.length, mostExitCodes)] : []),
          ...values.flatMap((value, i) => (values.indexOf(value) < i ? [duplicate(`${at}.exitCodes.values[${i}]`, value)] : [])),
        ]
      : [required(`${at}.exitCodes`, 'must be specified')]),
  ]
}
