import { describe, expect, it } from 'vitest'
import type { Container, PodSpec } from '../generated/types.ts'
import { defaultPodSpec } from './pod-defaults.ts'
import { validatePodSpec } from './pod-validation.ts'

/** The faults of a Pod with one container, or with one init container beside it. */
const faults = ({ container = {}, init, spec = {} }: { container?: Partial<Container>; init?: Partial<Container>; spec?: Partial<PodSpec> }): string[] => {
  const whole = {
    containers: [{ name: 'c', image: 'i', ...container }],
    ...(init ? { initContainers: [{ name: 'init', image: 'i', ...init }] } : {}),
    ...spec,
  } as unknown as PodSpec
  defaultPodSpec(whole as never)
  return validatePodSpec(whole, 'spec').map(({ field, message }) => `${field.replace('spec.containers[0].', '').replace('spec.', '')}: ${message}`)
}

const exec = { exec: { command: ['true'] } }

const cases: readonly [string, Parameters<typeof faults>[0], readonly string[]][] = [
  ['a hook without an action', { container: { lifecycle: { postStart: {} } } }, ['lifecycle.postStart: Required value: must specify a handler type']],
  [
    'a hook with two',
    { container: { lifecycle: { preStop: { ...exec, sleep: { seconds: 1 } } } } },
    ['lifecycle.preStop.sleep: Forbidden: may not specify more than 1 handler type'],
  ],
  [
    'a sleep beyond the grace period',
    { container: { lifecycle: { preStop: { sleep: { seconds: 31 } } } } },
    ['lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)'],
  ],
  ['a sleep of no time', { container: { lifecycle: { preStop: { sleep: { seconds: 0 } } } } }, []],
  [
    'a grace period of a readiness probe',
    { container: { readinessProbe: { ...exec, terminationGracePeriodSeconds: 5 } } },
    ['readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes'],
  ],
  [
    'a grace period of nothing',
    { container: { livenessProbe: { ...exec, terminationGracePeriodSeconds: 0 } } },
    ['livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0'],
  ],
  [
    'an HTTP probe of another scheme',
    { container: { livenessProbe: { httpGet: { port: 80, scheme: 'FTP', httpHeaders: [{ name: 'a b', value: '' }] } } } },
    [
      'livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
      "livenessProbe.httpGet.httpHeaders: Invalid value: \"a b\": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
    ],
  ],
  [
    'a gRPC probe of no port',
    { container: { livenessProbe: { grpc: { port: 0 } } } },
    ['livenessProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive'],
  ],
  [
    'a probe of an init container',
    { init: { livenessProbe: exec } },
    ['initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always'],
  ],
  ['a probe of a sidecar', { init: { restartPolicy: 'Always', livenessProbe: exec } }, []],
  ['a policy of a container', { container: { restartPolicy: 'Never' } }, []],
  [
    'an unknown one',
    { container: { restartPolicy: 'Sometimes' } },
    ['restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"'],
  ],
  [
    'rules without a policy',
    { container: { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }] } },
    ['restartPolicy: Required value: must specify restartPolicy when restart rules are used'],
  ],
  [
    'rules of a sidecar',
    { init: { restartPolicy: 'Always', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }] } },
    ['initContainers[0].restartPolicyRules: Forbidden: restartPolicyRules are not allowed for init containers with restart policy Always'],
  ],
  [
    'a rule that says nothing',
    { container: { restartPolicy: 'Never', restartPolicyRules: [{ action: 'Explode' }] } },
    [
      'restartPolicyRules[0].action: Unsupported value: "Explode": supported values: "Restart"',
      'restartPolicyRules[0].exitCodes: Required value: must be specified',
    ],
  ],
  [
    'users beyond the range',
    { container: { securityContext: { runAsUser: -1 } } },
    ['securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive'],
  ],
  [
    'privilege without escalation',
    { container: { securityContext: { privileged: true, allowPrivilegeEscalation: false } } },
    [
      'securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
  ],
  [
    'seccomp profiles',
    { spec: { securityContext: { seccompProfile: { type: 'Localhost' } } }, container: { securityContext: { seccompProfile: { type: 'Some' } } } },
    [
      'securityContext.seccompProfile.type: Unsupported value: "Some": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
      'securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
    ],
  ],
  [
    'unknown policies of groups',
    { spec: { securityContext: { fsGroupChangePolicy: 'Never', supplementalGroupsPolicy: 'Some', fsGroup: -2 } } },
    [
      'securityContext.fsGroup: Invalid value: -2: must be between 0 and 2147483647, inclusive',
      'securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
      'securityContext.supplementalGroupsPolicy: Unsupported value: "Some": supported values: "Merge", "Strict"',
    ],
  ],
]

describe('the validation of a Pod', () => {
  it.each(cases)('of %s', (_, pod, expected) => expect(faults(pod)).toEqual(expected))
})
