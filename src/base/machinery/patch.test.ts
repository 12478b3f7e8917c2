import { describe, expect, it } from 'vitest'
import { applyJsonPatch, mergePatch, strategicMergePatch } from './patch.ts'

describe('mergePatch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b', b: 1 }, { a: null }, { b: 1 }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 'x' }, ['c'], ['c']],
    [[1], { a: 1 }, { a: 1 }],
  ])('%j with %j gives %j', (original, patch, expected) => expect(mergePatch(original, patch)).toEqual(expected))
})

describe('applyJsonPatch', () => {
  it('applies, without touching the original', () => {
    const original = { a: [1, 2] }
    expect(
      applyJsonPatch(original, [
        { op: 'add', path: '/a/-', value: 3 },
        { op: 'test', path: '/a/0', value: 1 },
      ]),
    ).toEqual({ a: [1, 2, 3] })
    expect(original).toEqual({ a: [1, 2] })
  })
  it.each([
    [[{ op: 'remove', path: '/x' }]],
    [[{ op: 'test', path: '/a', value: 2 }]],
    [[{ op: 'nope', path: '/a' }]],
    [[{ op: 'add', path: '/__proto__/x', value: 1 }]],
  ])('refuses %j', (patch) => expect(() => applyJsonPatch({ a: 1 }, patch)).toThrow(expect.objectContaining({ code: 422 })))
})

const pod = (spec: object) => ({ metadata: { name: 'a' }, spec })
const containers = (...names: string[]) => names.map((name) => ({ name, image: `${name}:1` }))

describe('strategicMergePatch', () => {
  it.each<[string, string, unknown, unknown, unknown]>([
    [
      'merges lists of maps by key',
      'core/v1.Pod',
      pod({ containers: containers('a', 'b') }),
      { spec: { containers: [{ name: 'b', image: 'b:2' }, { name: 'c' }] } },
      pod({ containers: [{ name: 'a', image: 'a:1' }, { name: 'b', image: 'b:2' }, { name: 'c' }] }),
    ],
    [
      'deletes an element',
      'core/v1.Pod',
      pod({ containers: containers('a', 'b') }),
      { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
      pod({ containers: containers('b') }),
    ],
    [
      'replaces a list',
      'core/v1.Pod',
      pod({ containers: containers('a', 'b') }),
      { spec: { containers: [{ $patch: 'replace' }, { name: 'z' }] } },
      pod({ containers: [{ name: 'z' }] }),
    ],
    [
      'replaces a map',
      'core/v1.Pod',
      pod({ containers: containers('a'), hostname: 'h' }),
      { spec: { $patch: 'replace', hostname: 'x' } },
      pod({ hostname: 'x' }),
    ],
    ['empties a map', 'core/v1.Pod', pod({ hostname: 'h' }), { spec: { $patch: 'delete' } }, pod({})],
    [
      'leaves out directives of what is not there',
      'core/v1.Pod',
      pod({}),
      { spec: { securityContext: { $patch: 'delete' }, containers: [{ name: 'a', $patch: 'delete' }] } },
      pod({ containers: [] }),
    ],
    [
      'deletes by null, and ignores a null for what is not there',
      'core/v1.Pod',
      pod({ hostname: 'h' }),
      { spec: { hostname: null, subdomain: null, affinity: { nodeAffinity: null } } },
      pod({ affinity: {} }),
    ],
    [
      'replaces an atomic list',
      'core/v1.Pod',
      pod({ containers: [{ name: 'a', args: ['1', '2'] }] }),
      { spec: { containers: [{ name: 'a', args: ['3'] }] } },
      pod({ containers: [{ name: 'a', args: ['3'] }] }),
    ],
    [
      'merges a list of strings',
      'core/v1.Pod',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { finalizers: ['b', 'c'] } },
      { metadata: { finalizers: ['a', 'b', 'c'] } },
    ],
    [
      'deletes from a list of strings',
      'core/v1.Pod',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } },
      { metadata: { finalizers: ['b'] } },
    ],
    [
      'orders a list of strings',
      'core/v1.Pod',
      { metadata: { finalizers: ['a', 'own', 'b'] } },
      { metadata: { '$setElementOrder/finalizers': ['c', 'b', 'a'], finalizers: ['c'] } },
      { metadata: { finalizers: ['c', 'own', 'b', 'a'] } },
    ],
    [
      'orders a list of maps',
      'core/v1.Pod',
      pod({ containers: containers('a', 'b') }),
      { spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }], containers: [{ name: 'c' }, { name: 'b', image: 'b:2' }] } },
      pod({ containers: [{ name: 'c' }, { name: 'b', image: 'b:2' }, { name: 'a', image: 'a:1' }] }),
    ],
    [
      'keeps the place of the elements a server added',
      'core/v1.Pod',
      pod({ containers: containers('a', 'sidecar', 'c') }),
      { spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }] } },
      pod({ containers: containers('sidecar', 'c', 'a') }),
    ],
    [
      'keeps only the retained keys',
      'apps/v1.Deployment',
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      { spec: { strategy: { type: 'Recreate' } } },
    ],
    [
      'changes a volume from one source to another',
      'core/v1.Pod',
      pod({ volumes: [{ name: 'v', emptyDir: {} }] }),
      { spec: { volumes: [{ $retainKeys: ['name', 'hostPath'], name: 'v', hostPath: { path: '/x' } }] } },
      pod({ volumes: [{ name: 'v', hostPath: { path: '/x' } }] }),
    ],
    [
      'merges nested lists',
      'apps/v1.Deployment',
      { spec: { template: { spec: { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }], ports: [{ containerPort: 80 }] }] } } } },
      { spec: { template: { spec: { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }], ports: [{ containerPort: 81 }] }] } } } },
      {
        spec: {
          template: {
            spec: {
              containers: [
                {
                  name: 'a',
                  env: [
                    { name: 'X', value: '1' },
                    { name: 'Y', value: '2' },
                  ],
                  ports: [{ containerPort: 80 }, { containerPort: 81 }],
                },
              ],
            },
          },
        },
      },
    ],
    ['merges maps of strings', 'core/v1.ConfigMap', { data: { a: '1', b: '2' } }, { data: { a: null, c: '3' } }, { data: { b: '2', c: '3' } }],
    [
      'replaces the lists of a type without schema',
      'x/v1.Y',
      { spec: { l: [{ name: 'a' }] } },
      { spec: { l: [{ name: 'b' }], m: { x: 1 } } },
      { spec: { l: [{ name: 'b' }], m: { x: 1 } } },
    ],
  ])('%s', (_, type, original, patch, expected) => {
    const before = JSON.stringify([original, patch])
    expect(strategicMergePatch(type, original, patch)).toEqual(expected)
    expect(JSON.stringify([original, patch])).toBe(before)
  })

  it.each<[unknown, string]>([
    [{ spec: { containers: [{ image: 'x' }] } }, 'does not contain declared merge key: name'],
    [{ spec: { $patch: 'nope' } }, 'Unknown patch type found: nope'],
    [{ spec: { $retainKeys: ['a'], hostname: 'x' } }, 'invalid patch format of retainKeys'],
    [{ spec: { '$setElementOrder/containers': 'x' } }, 'invalid patch format of setElementOrder list'],
  ])('refuses %j', (patch, message) => expect(() => strategicMergePatch('core/v1.Pod', pod({}), patch)).toThrow(message))
})
