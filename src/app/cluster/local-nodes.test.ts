import { expect, it } from 'vitest'
import { wantedNodes } from './local-nodes.ts'
import type { ProfileNode } from './profile.ts'

const node = (name: string, role: ProfileNode['role'], stopped = false): ProfileNode => ({ name, role, stopped, address: '10.0.0.1' })
const capacity = { cpu: 1, memoryBytes: 1, pods: 1, ephemeralStorageBytes: 1 }
const rolesOf = (nodes: readonly ProfileNode[]) => wantedNodes({ nodes }, capacity).running.map(({ name, roles }) => `${name}: ${roles.join(' ')}`)

it('lets a sole node work, and keeps the control plane for itself where there are workers, also stopped ones', () => {
  expect(rolesOf([node('one', 'control-plane')])).toEqual(['one: control-plane worker'])
  expect(rolesOf([node('one', 'control-plane'), node('two', 'worker')])).toEqual(['one: control-plane', 'two: worker'])
  expect(rolesOf([node('one', 'control-plane'), node('two', 'worker', true)])).toEqual(['one: control-plane'])
})
