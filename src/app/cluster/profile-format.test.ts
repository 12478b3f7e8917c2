import { expect, it } from 'vitest'
import { UserError } from './errors.ts'
import { parseProfile } from './profile-format.ts'

const rest = {
  runtime: 'process',
  ranges: { podCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/20', loadBalancerCIDR: '10.96.128.0/24', nodeCIDR: '10.96.129.0/24' },
  apiPort: 6443,
  httpPort: 8080,
  httpsPort: 8443,
  kubeconfig: '/k',
}

it('turns the count of format 1 into the nodes that it meant', () => {
  const profile = parseProfile('default', JSON.stringify({ formatVersion: 1, name: 'default', nodes: 3, ...rest }))
  expect(profile).toEqual({
    formatVersion: 2,
    name: 'default',
    ...rest,
    nodes: [
      { name: 'knarr-control-plane', address: '10.96.129.11', role: 'control-plane', stopped: false },
      { name: 'knarr-worker', address: '10.96.129.12', role: 'worker', stopped: false },
      { name: 'knarr-worker2', address: '10.96.129.13', role: 'worker', stopped: false },
    ],
  })
  expect(parseProfile('default', JSON.stringify(profile))).toEqual(profile)
})

it.each([
  ['{"formatVersion":3,"name":"c1"}', 'the profile c1 was written by a newer knarr (format 3; this one knows 2). Use that knarr'],
  ['{"name":"c1"', /^the profile c1 is damaged \(.*\)\. Run: knarr delete --profile c1$/],
])('refuses %s in one line', (text, message) => {
  const parse = () => parseProfile('c1', text)
  expect(parse).toThrow(UserError)
  expect(parse).toThrow(message)
})
