import { describe, expect, it } from 'vitest'
import { decodeObject } from './decode.ts'
import { duplicateFields } from './duplicate-fields.ts'

const deployment = (spec: unknown) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec })

describe('decodeObject', () => {
  it('keeps what upstream writes back and drops what it omits', () => {
    const { object, unknownFields } = decodeObject('apps/v1.Deployment', {
      ...deployment({
        replicas: 0,
        paused: false,
        minReadySeconds: 0,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' }, creationTimestamp: null },
          spec: { containers: [{ name: 'web', image: 'nginx', args: [], env: null }] },
        },
      }),
      metadata: { name: 'web', labels: {}, creationTimestamp: null, annotations: null },
    })
    expect(unknownFields).toEqual([])
    expect(object).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        strategy: {},
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx', resources: {} }] } },
      },
      status: {},
    })
  })

  it('prunes unknown fields and reports their paths, case-sensitively', () => {
    const { object, unknownFields } = decodeObject('core/v1.Pod', {
      metadata: { name: 'a', Labels: { x: 'y' } },
      spec: { foo: 1, containers: [{ name: 'a' }, { name: 'b', imagee: 'x', ports: [{ containerPort: 1, nope: 2 }] }] },
      extra: {},
    })
    expect(unknownFields).toEqual([
      'unknown field "metadata.Labels"',
      'unknown field "spec.foo"',
      'unknown field "spec.containers[1].imagee"',
      'unknown field "spec.containers[1].ports[0].nope"',
      'unknown field "extra"',
    ])
    expect(object.spec).toEqual({
      containers: [
        { name: 'a', resources: {} },
        { name: 'b', ports: [{ containerPort: 1 }], resources: {} },
      ],
    })
  })

  it('flattens inline structs', () => {
    const { object, unknownFields } = decodeObject('core/v1.PodSpec', {
      containers: [{ name: 'a', livenessProbe: { httpGet: { port: 80 }, periodSeconds: 5 } }],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', configMap: { name: 'c' } },
      ],
    })
    expect(unknownFields).toEqual([])
    expect(object.volumes).toEqual([
      { name: 'v', emptyDir: {} },
      { name: 'w', configMap: { name: 'c' } },
    ])
    expect(object.containers[0].livenessProbe).toEqual({ httpGet: { port: 80 }, periodSeconds: 5 })
  })

  it('normalises quantities, times and base64', () => {
    const { object } = decodeObject('core/v1.Pod', {
      metadata: { creationTimestamp: '2026-01-02T04:04:05.9+01:00' },
      spec: { containers: [{ name: 'a', resources: { limits: { cpu: 0.5, memory: '1024Mi' }, requests: { cpu: '1000m' } } }] },
    })
    expect(object.metadata.creationTimestamp).toBe('2026-01-02T03:04:05Z')
    expect(object.spec.containers[0].resources).toEqual({ limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '1' } })
    expect(decodeObject('coordination/v1.Lease', { spec: { renewTime: '2026-01-02T03:04:05.12Z' } }).object.spec.renewTime).toBe('2026-01-02T03:04:05.120000Z')
    expect(decodeObject('core/v1.Secret', { data: { a: 'YQ==\n' } }).object.data).toEqual({ a: 'YQ==' })
  })

  it('writes required scalars, times that are no pointers and lists that have no omitempty', () => {
    expect(decodeObject('core/v1.ContainerStatus', { name: 'a' }).object).toEqual({
      name: 'a',
      state: {},
      lastState: {},
      ready: false,
      restartCount: 0,
      image: '',
      imageID: '',
    })
    expect(decodeObject('core/v1.Event', { metadata: { name: 'a' } }).object).toMatchObject({
      firstTimestamp: null,
      eventTime: null,
      involvedObject: {},
      source: {},
    })
    expect(decodeObject('core/v1.PodList', {}).object).toEqual({ metadata: {}, items: [] })
    expect(decodeObject('core/v1.PodSpec', {}).object).toEqual({ containers: [] })
    expect(decodeObject('rbac/v1.Role', {}).object).toEqual({ metadata: {}, rules: null })
  })

  it('takes null elements as zero values and survives hostile keys', () => {
    const labels = JSON.parse('{"a":null,"__proto__":"x","constructor":"y"}') as unknown
    const { object } = decodeObject('core/v1.ConfigMap', { metadata: { name: 'a', labels, finalizers: ['f', null] } })
    expect(Object.entries(object.metadata.labels)).toEqual([
      ['a', ''],
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(object.metadata.finalizers).toEqual(['f', ''])
    expect(decodeObject('core/v1.Secret', { data: { a: null } }).object['data']).toEqual({ a: '' })
    expect(decodeObject('core/v1.ConfigMap', JSON.parse('{"__proto__":{"data":{}}}')).unknownFields).toEqual(['unknown field "__proto__"'])
  })

  const prefix = 'Deployment in version "v1" cannot be handled as a Deployment: '
  it.each<[unknown, string]>([
    [deployment({ replicas: '3' }), 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [deployment({ replicas: 1.5 }), 'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [deployment({ replicas: 4294967296 }), 'json: cannot unmarshal number 4294967296 into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [deployment([]), 'json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec'],
    [
      deployment({ template: { spec: { containers: {} } } }),
      'json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      deployment({ template: { spec: { containers: [{ name: 1 }] } } }),
      'json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string',
    ],
    [
      deployment({ template: { spec: { containers: [{ env: [{ value: true }] }] } } }),
      'json: cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
    ],
    [{ metadata: { labels: ['a'] } }, 'json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string'],
    [{ metadata: { labels: { a: 1 } } }, 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string'],
    [
      deployment({ template: { spec: { containers: [{ resources: { limits: { cpu: 'lots' } } }] } } }),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    ['text', 'json: cannot unmarshal string into Go value of type v1.Deployment'],
  ])('refuses %j as Go does', (json, text) =>
    expect(() => decodeObject('apps/v1.Deployment', json)).toThrow(expect.objectContaining({ reason: 'BadRequest', message: prefix + text })),
  )

  it('refuses bad times and base64', () => {
    expect(() => decodeObject('core/v1.Secret', { data: { a: 'not base64' } })).toThrow(
      'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 3',
    )
    expect(() => decodeObject('core/v1.Pod', { metadata: { creationTimestamp: 'x' } })).toThrow(
      'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
    )
  })
})

it('finds duplicate fields in the text', () => {
  expect(duplicateFields('{"a":1,"b":{"c":"}\\",","c":2},"l":[{"x":1},{"x":1,"y":{"x":1},"x":"a"}],"a":2}')).toEqual([
    'duplicate field "b.c"',
    'duplicate field "l[1].x"',
    'duplicate field "a"',
  ])
  expect(duplicateFields('[]')).toEqual([])
})
