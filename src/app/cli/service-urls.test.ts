import { expect, it } from 'vitest'
import type { Service } from '../../base/api/generated/types.ts'
import { serviceUrls } from './service-urls.ts'

const nodes = [{ name: 'knarr-worker', address: '10.96.129.12' }]
const service = (spec: object, ip?: string) =>
  ({ metadata: { name: 'web' }, spec, status: { loadBalancer: ip ? { ingress: [{ ip }] } : {} } }) as unknown as Service

it.each([
  ['a node port', service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }), ['80 http://10.96.129.12:30080']],
  [
    'several ports',
    service({
      type: 'NodePort',
      ports: [
        { name: 'http', port: 80, nodePort: 30080 },
        { name: 'https', port: 443, nodePort: 30443 },
        { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30053 },
      ],
    }),
    ['http/80 http://10.96.129.12:30080', 'https/443 https://10.96.129.12:30443', 'dns/53 udp://10.96.129.12:30053'],
  ],
  ['a load balancer', service({ type: 'LoadBalancer', ports: [{ port: 8080, nodePort: 30080 }] }, '10.96.128.1'), ['8080 http://10.96.128.1:8080']],
  ['one without an address yet', service({ type: 'LoadBalancer', ports: [{ port: 8080, nodePort: 30080 }] }), ['8080 http://10.96.129.12:30080']],
  ['a cluster address only', service({ type: 'ClusterIP', ports: [{ port: 80 }] }), []],
])('gives the URLs of %s', (_, given, expected) => {
  expect(serviceUrls(given, nodes).map(({ targetPort, url }) => `${targetPort} ${url}`)).toEqual(expected)
})
