import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../base/api/object.ts'
import { isAsExpected, type Expectation } from './expectation.ts'

const object = (kind: string, status: object, { generation = 2, replicas = 3 } = {}) =>
  ({ apiVersion: 'v1', kind, metadata: { name: 'a', generation }, spec: { replicas }, status }) as unknown as KubeObject
const rolledOut = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 }
const ready = (status: string) => object('Pod', { conditions: [{ type: 'Ready', status }] })

describe('an object is as expected', () => {
  const cases: readonly (readonly [string, KubeObject | undefined, Expectation, boolean])[] = [
    ['a Deployment whose replicas are all new and available', object('Deployment', rolledOut), { available: true }, true],
    ['one whose newest spec was not seen yet', object('Deployment', { ...rolledOut, observedGeneration: 1 }), { available: true }, false],
    ['one with an old Pod left', object('Deployment', { ...rolledOut, replicas: 4 }), { available: true }, false],
    ['one scaled to nothing', object('Deployment', { observedGeneration: 2 }, { replicas: 0 }), { available: true }, true],
    [
      'a DaemonSet',
      object('DaemonSet', { observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 }),
      { available: true },
      true,
    ],
    ['a ready Pod', ready('True'), { ready: true }, true],
    ['a Pod that is not', ready('False'), { ready: true }, false],
    ['a condition that is false, as asked', ready('False'), { condition: 'Ready=False' }, true],
    ['a condition that is absent', ready('True'), { condition: 'Complete' }, false],
    ['nothing, as asked', undefined, { deleted: true }, true],
    ['nothing, where something was asked', undefined, { ready: true }, false],
    ['what a function says', ready('True'), ({ kind }) => kind === 'Pod', true],
  ]
  it.each(cases)('%s', (_, given, expectation, answer) => expect(isAsExpected(given, expectation)).toBe(answer))
})
