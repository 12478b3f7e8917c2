import { describe, expect, it } from 'vitest'
import type { ConfigMap, Container, Pod, Secret, Service } from '../../base/api/generated/types.ts'
import { containerEnvironment } from './environment.ts'
import { expand } from './expansion.ts'
import { hostsFile, podResolver, resolvConf } from './pod-files.ts'
import { serviceEnvironment } from './service-environment.ts'

describe('expansion', () => {
  it.each([
    ['$(A)', '1'],
    ['x$(A)y$(B)', 'x1y2'],
    ['$$(A)', '$(A)'],
    ['$(NONE)', '$(NONE)'],
    ['$A', '$A'],
    ['$(A', '$(A'],
    ['$$$(A)', '$1'],
    ['100%$', '100%$'],
  ])('%s is %s', (text, expected) => expect(expand(text, (name) => ({ A: '1', B: '2' })[name])).toBe(expected))
})

const pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u', labels: { app: 'web' }, annotations: {} },
  spec: { nodeName: 'n1', serviceAccountName: 'default', containers: [], hostAliases: [{ ip: '1.2.3.4', hostnames: ['db', 'db.local'] }] },
} as unknown as Pod
const service = (namespace: string, name: string, clusterIP: string) =>
  ({ metadata: { namespace, name }, spec: { clusterIP, ports: [{ name: 'http', port: 80, protocol: 'TCP' }] } }) as unknown as Service
const references = {
  configMap: async (_: string, name: string) => (name === 'c' ? ({ data: { A: 'from-map', COLOR: 'red' } } as unknown as ConfigMap) : undefined),
  secret: async (_: string, name: string) =>
    name === 's' ? ({ data: { password: Buffer.from('secret').toString('base64') } } as unknown as Secret) : undefined,
}
const context = { pod, podIP: '10.0.0.9', hostIP: '192.168.0.1', allocatable: { cpu: '4', memory: '8Gi' } }

const environment = async (container: object) =>
  Object.fromEntries(
    await containerEnvironment(container as Container, {
      context,
      references,
      serviceEnv: new Map([
        ['API_SERVICE_HOST', '10.1.1.1'],
        ['A', 'service'],
      ]),
    }),
  )

describe('variables', () => {
  it('override and see each other in upstream order', async () => {
    const env = await environment({
      envFrom: [{ configMapRef: { name: 'c' } }, { prefix: 'P_', secretRef: { name: 's' } }],
      env: [
        { name: 'A', value: 'own' },
        { name: 'URL', value: 'http://$(API_SERVICE_HOST)/$(A)/$(LATER)' },
        { name: 'LATER', value: 'x' },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'requests.memory', divisor: '1Mi' } } },
        { name: 'GONE', valueFrom: { secretKeyRef: { name: 'none', key: 'k', optional: true } } },
      ],
      resources: { requests: { memory: '100Mi' } },
    })
    expect(env).toEqual({
      A: 'own',
      COLOR: 'red',
      P_password: 'secret',
      URL: 'http://10.1.1.1/own/$(LATER)',
      LATER: 'x',
      APP: 'web',
      IP: '10.0.0.9',
      CPU: '4',
      MEM: '100',
      API_SERVICE_HOST: '10.1.1.1',
    })
  })

  it.each([
    ['limits.cpu', '0', '2'],
    ['limits.cpu', '1', '2'],
    ['limits.cpu', '1m', '1100'],
    ['requests.cpu', '1m', '100'],
    ['requests.cpu', '0', '1'],
    ['limits.memory', '0', '67108865'],
    ['limits.memory', '1Mi', '65'],
    ['limits.memory', '1M', '68'],
    ['requests.memory', '1Ki', '0'],
    ['requests.ephemeral-storage', '0', '0'],
  ])('tell %s in units of %s, rounded up: %s', async (resource, divisor, value) => {
    const resources = { limits: { cpu: '1100m', memory: '67108865' }, requests: { cpu: '100m' } }
    expect(await environment({ env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource, divisor } } }], resources })).toMatchObject({ X: value })
  })

  it.each([
    [{ env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'c', key: 'none' } } }] }, "couldn't find key none in ConfigMap shop/c"],
    [{ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'none', key: 'k' } } }] }, 'secret "none" not found'],
    [{ envFrom: [{ configMapRef: { name: 'none' } }] }, 'configmap "none" not found'],
  ])('that cannot be had are refused (%#)', (container, message) => expect(environment(container)).rejects.toThrow(message))

  it('name the services of the namespace and the API', () => {
    const all = [
      service('default', 'kubernetes', '10.96.0.1'),
      service('shop', 'my-api', '10.96.0.2'),
      service('other', 'x', '10.96.0.3'),
      service('shop', 'headless', 'None'),
    ]
    expect([...serviceEnvironment(all, 'shop', false).keys()].every((name) => name.startsWith('KUBERNETES_'))).toBe(true)
    expect(Object.fromEntries(serviceEnvironment(all, 'shop', true))).toMatchObject({
      MY_API_SERVICE_HOST: '10.96.0.2',
      MY_API_SERVICE_PORT: '80',
      MY_API_SERVICE_PORT_HTTP: '80',
      MY_API_PORT: 'tcp://10.96.0.2:80',
      MY_API_PORT_80_TCP_ADDR: '10.96.0.2',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
    })
  })
})

describe('managed files', () => {
  const host = { nameservers: ['9.9.9.9'], searches: ['lan'], options: [] }
  const resolver = (spec: object) =>
    resolvConf(podResolver({ ...pod, spec: { ...pod.spec, ...spec } } as Pod, { clusterDNS: '10.96.0.10', clusterDomain: 'cluster.local', host }))

  it('have a resolver by policy', () => {
    expect(resolver({})).toBe('search shop.svc.cluster.local svc.cluster.local cluster.local lan\nnameserver 10.96.0.10\noptions ndots:5\n')
    expect(resolver({ dnsPolicy: 'Default' })).toBe('search lan\nnameserver 9.9.9.9\n')
    expect(resolver({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'ndots', value: '2' }] } })).toBe(
      'nameserver 1.1.1.1\noptions ndots:2\n',
    )
    expect(resolver({ dnsConfig: { options: [{ name: 'ndots', value: '1' }] } })).toContain('options ndots:1\n')
  })

  it('have the hosts of the Pod and its aliases', () => {
    expect(hostsFile(pod, '10.0.0.9', 'cluster.local')).toMatch(/10\.0\.0\.9\tweb\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\tdb\tdb\.local\n$/)
  })
})
