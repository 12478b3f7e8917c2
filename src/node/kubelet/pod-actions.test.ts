import { describe, expect, it } from 'vitest'
import type { Container, Pod } from '../../base/api/generated/types.ts'
import type { ContainerConfig, RuntimeContainer, Sandbox, SandboxConfig } from '../runtime/runtime.ts'
import { podActions, type PodView } from './pod-actions.ts'
import { podPhase } from './pod-phase.ts'

const sandbox: Sandbox = { id: 's', config: { attempt: 0 } as SandboxConfig, state: 'ready', createdAtMs: 0, ip: '10.0.0.1' }

/** `app:0=running`, `app:1=exit 2`: name, attempt and state. */
const containers = (text: string): RuntimeContainer[] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((word) => {
      const [, name = '', attempt, state = ''] = /^(.*):(\d+)=(.*)$/.exec(word) ?? []
      const code = /^exit(\d+)$/.exec(state)?.[1]
      return {
        id: `${name}${attempt}`,
        sandboxId: 's',
        config: { name, attempt: Number(attempt) } as ContainerConfig,
        createdAtMs: 0,
        ...(code === undefined ? { state: state as RuntimeContainer['state'] } : { state: 'exited', exitCode: Number(code), finishedAtMs: 1 }),
      }
    })

/** `init: a b* | app, restart Never`: init containers (a star is a sidecar), containers, policy. */
const pod = (init: string, main: string, restartPolicy = 'Always') =>
  ({
    metadata: { name: 'p', namespace: 'n', uid: 'u' },
    spec: {
      restartPolicy,
      initContainers: init
        .split(' ')
        .filter(Boolean)
        .map((name) => (name.endsWith('*') ? { name: name.slice(0, -1), restartPolicy: 'Always' } : { name })),
      containers: main.split(' ').map((name) => ({ name })),
    },
    status: {},
  }) as unknown as Pod

/** Every container has a postStart hook. */
const hooked = (subject: Pod): Pod => ({
  ...subject,
  spec: { ...subject.spec, containers: subject.spec.containers.map((one) => ({ ...one, lifecycle: { postStart: { sleep: { seconds: 1 } } } })) },
})

const ruled = (subject: Pod, more: Partial<Container>): Pod => ({
  ...subject,
  spec: {
    ...subject.spec,
    initContainers: (subject.spec.initContainers ?? []).map((one) => ({ ...one, ...more })),
    containers: subject.spec.containers.map((one) => ({ ...one, ...more })),
  },
})
const rules = (operator: string, ...values: number[]) => [{ action: 'Restart', exitCodes: { operator, values } }]

const visited = (subject: Pod): Pod => ({ ...subject, spec: { ...subject.spec, ephemeralContainers: [{ name: 'eph', resources: {} }] } })

const decide = (subject: Pod, state: string, change: Partial<PodView> = {}): string =>
  podActions({
    pod: subject,
    sandbox,
    containers: containers(state),
    ending: false,
    stopping: new Set(),
    hooked: new Set(),
    remainingBackoffMs: () => 0,
    probes: { hasStarted: () => true, failed: () => undefined },
    ...change,
  })
    .map((action) =>
      'container' in action
        ? `${action.type} ${action.container.name}${'attempt' in action ? `:${action.attempt}` : ''}`
        : 'name' in action
          ? [action.type, action.name, action.cause, ...(action.after.length > 0 ? [`after ${action.after.join(' ')}`] : [])].join(' ')
          : action.type,
    )
    .join(', ')

const table: readonly [string, Pod, string, Partial<PodView>, string][] = [
  ['nothing yet', pod('', 'app'), '', { sandbox: undefined }, 'runSandbox'],
  ['a sandbox', pod('', 'a b'), '', {}, 'start a:0, start b:0'],
  ['init first', pod('i j', 'app'), '', {}, 'start i:0'],
  ['init runs', pod('i j', 'app'), 'i:0=running', {}, ''],
  ['init failed', pod('i j', 'app'), 'i:0=exit1', {}, 'start i:1'],
  ['init failed for good', pod('i j', 'app', 'Never'), 'i:0=exit1', {}, 'stopSandbox'],
  ['init done', pod('i j', 'app'), 'i:0=exit0', {}, 'start j:0'],
  ['all init done', pod('i j', 'app'), 'i:0=exit0 j:0=exit0', {}, 'start app:0'],
  ['a sidecar has to start', pod('s*', 'app'), 's:0=running', { probes: { hasStarted: () => false, failed: () => undefined } }, ''],
  ['a sidecar has started', pod('s*', 'app'), 's:0=running', {}, 'start app:0'],
  ['a sidecar ended', pod('s*', 'app'), 's:0=exit1 app:0=running', {}, 'start s:1'],
  ['a container ended', pod('', 'app'), 'app:0=exit0', {}, 'start app:1'],
  ['and must wait', pod('', 'app'), 'app:1=exit1 app:0=exit1', { remainingBackoffMs: () => 5 }, 'backOff app'],
  ['on failure, it succeeded', pod('', 'a b', 'OnFailure'), 'a:0=exit0 b:0=running', {}, ''],
  ['on failure, it failed', pod('', 'a', 'OnFailure'), 'a:0=exit3', {}, 'start a:1'],
  ['a container with a policy of its own', ruled(pod('', 'a', 'Never'), { restartPolicy: 'OnFailure' }), 'a:0=exit1', {}, 'start a:1'],
  ['a rule for the exit code', ruled(pod('', 'a'), { restartPolicy: 'Never', restartPolicyRules: rules('In', 42) }), 'a:0=exit42', {}, 'start a:1'],
  ['no rule for it', ruled(pod('', 'a'), { restartPolicy: 'Never', restartPolicyRules: rules('In', 42) }), 'a:0=exit1', {}, 'stopSandbox'],
  ['a rule for all others', ruled(pod('', 'a'), { restartPolicy: 'Never', restartPolicyRules: rules('NotIn', 42) }), 'a:0=exit1', {}, 'start a:1'],
  [
    'an init container with a rule',
    ruled(pod('i', 'a', 'Never'), { restartPolicy: 'Never', restartPolicyRules: rules('In', 7) }),
    'i:0=exit7',
    {},
    'start i:1',
  ],
  ['all done, a sidecar is left', pod('s*', 'a', 'Never'), 's:0=running a:0=exit0', {}, 'stop s finished'],
  ['unhealthy', pod('', 'a'), 'a:0=running', { probes: { hasStarted: () => true, failed: () => 'liveness' } }, 'stop a liveness'],
  ['being stopped already', pod('', 'a'), 'a:0=running', { ending: true, stopping: new Set(['a0']) }, ''],
  [
    'ending',
    pod('s* t*', 'a b'),
    's:0=running t:0=running a:0=running b:0=exit0',
    { ending: true },
    'stop a ending, stop t ending after a0, stop s ending after a0 t0',
  ],
  ['ending, the sidecars in reverse', pod('s* t*', 'a'), 's:0=running t:0=running a:0=exit0', { ending: true }, 'stop t ending, stop s ending after t0'],
  ['a hook runs', pod('', 'a b'), 'a:0=running', { hooked: new Set(['a0']) }, ''],
  ['a hook will run', hooked(pod('', 'a b')), '', {}, 'start a:0'],
  ['a hook failed', pod('', 'a'), 'a:0=running', { probes: { hasStarted: () => true, failed: () => 'postStart' } }, 'stop a postStart'],
  [
    'someone looks into a failing init container',
    visited(pod('i', 'a')),
    'i:1=exit1',
    { remainingBackoffMs: (name) => (name === 'i' ? 9 : 0) },
    'start eph:0, backOff i',
  ],
  ['the sandbox died', pod('', 'a'), 'a:0=exit137', { sandbox: { ...sandbox, state: 'notready' } }, 'runSandbox'],
]

describe('what to do next', () => {
  it.each(table)('%s', (_, subject, state, change, expected) => expect(decide(subject, state, change)).toBe(expected))
})

const phases: readonly [Pod, string, string][] = [
  [pod('', 'a'), '', 'Pending'],
  [pod('i', 'a'), 'i:0=running', 'Pending'],
  [pod('', 'a'), 'a:0=running', 'Running'],
  [pod('', 'a'), 'a:0=exit1', 'Running'],
  [pod('', 'a b', 'Never'), 'a:0=exit0 b:0=exit0', 'Succeeded'],
  [pod('', 'a b', 'Never'), 'a:0=exit0 b:0=exit1', 'Failed'],
  [pod('', 'a b', 'OnFailure'), 'a:0=exit0 b:0=exit1', 'Running'],
  [pod('i', 'a', 'Never'), 'i:0=exit1', 'Failed'],
  [pod('s*', 'a', 'Never'), 's:0=running a:0=exit0', 'Running'],
  [pod('s*', 'a', 'Never'), 's:0=exit137 a:0=exit0', 'Succeeded'],
]
it.each(phases)('the phase follows the containers (%#)', (subject, state, expected) => expect(podPhase(subject, containers(state))).toBe(expected))
