import { expect, it } from 'vitest'
import type { Entry } from '../../control/store/store.ts'
import { asStopped } from './stopped-cluster.ts'

const entry = (key: string, revision: number, status: object): Entry => ({
  key,
  revision,
  createRevision: 1,
  value: Buffer.from(JSON.stringify({ metadata: { name: 'a' }, status })),
})
const ready = {
  phase: 'Running',
  conditions: [
    { type: 'PodScheduled', status: 'True' },
    { type: 'Ready', status: 'True' },
  ],
  containerStatuses: [{ name: 'c', ready: true }],
}

it('says of Pods that were ready that they are not, in revisions of their own, and leaves the rest as it is', () => {
  const others = [
    entry('/registry/core/pods/default/done', 4, { phase: 'Succeeded', conditions: [{ type: 'Ready', status: 'False' }] }),
    entry('/registry/core/services/default/s', 5, ready),
  ]
  const [first, second, ...rest] = asStopped([entry('/registry/core/pods/default/a', 2, ready), entry('/registry/core/pods/other/b', 3, ready), ...others], 100)
  expect([first?.revision, second?.revision]).toEqual([100, 101])
  expect(JSON.parse(String(first?.value)).status).toMatchObject({
    phase: 'Running',
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'False', reason: 'ContainersNotReady' },
    ],
    containerStatuses: [{ ready: false }],
  })
  expect(rest).toEqual(others)
})

it('takes from a node what its kubelet said last, so that it is neither ready nor lost', () => {
  const [node] = asStopped(
    [
      entry('/registry/core/nodes/n', 5, {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'DiskPressure', status: 'False' },
        ],
      }),
    ],
    100,
  )
  expect(node?.revision).toBe(100)
  expect(JSON.parse(String(node?.value)).status.conditions).toEqual([{ type: 'DiskPressure', status: 'False' }])
})
