import { expect, it } from 'vitest'
import { checkKubernetesVersion } from './kubernetes-version.ts'

it.each(['v1.36.0', 'v1.36.7', '1.36', 'v1.36', 'stable', 'latest'])('accepts %s', (version) => {
  expect(checkKubernetesVersion(version)).toBe(version)
})

it('refuses any other in one line', () => {
  expect(() => checkKubernetesVersion('v1.25.0')).toThrow(
    'only Kubernetes 1.36 is served (asked for v1.25.0); manifests for 1.25 mostly work, see docs/differences.md',
  )
  expect(() => checkKubernetesVersion('1.360')).toThrow(/only Kubernetes 1\.36 is served/)
})
