import { expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { bootstrap, clusterDnsAddress } from './bootstrap.ts'
import { startTestServer } from './testing/test-server.ts'

test('a second bootstrap changes nothing but the endpoint of the API', async () => {
  const { client, stop } = await startTestServer()
  const revision = async () => (await client.list(kinds.namespaces)).metadata.resourceVersion
  const options = { client, serviceCIDR: '10.96.0.0/16', servingCa: 'serving', clientCa: 'client' }
  const before = await revision()
  await bootstrap({ ...options, endpoint: { address: '192.0.2.1', port: 6443 } })
  expect(await revision()).toBe(before)
  await bootstrap({ ...options, endpoint: { address: '192.0.2.1', port: 7443 } })
  expect((await client.get(kinds.endpointSlices, { namespace: 'default', name: 'kubernetes' })).ports).toMatchObject([{ name: 'https', port: 7443 }])
  expect((await client.get(kinds.services, { namespace: 'kube-system', name: 'kube-dns' })).spec?.clusterIP).toBe(clusterDnsAddress('10.96.0.0/16'))
  await stop()
})

test('a Service that becomes an ExternalName gives its address back', async () => {
  const { client, stop } = await startTestServer()
  const created = await client.create(kinds.services, { metadata: { name: 's', namespace: 'default' }, spec: { ports: [{ port: 80 }] } })
  const address = created.spec!.clusterIP!
  await client.patch(
    kinds.services,
    { namespace: 'default', name: 's' },
    { spec: { type: 'ExternalName', externalName: 'example.com', clusterIP: '', clusterIPs: null } },
    { type: 'merge' },
  )
  await expect(client.get(kinds.ipAddresses, { name: address })).rejects.toMatchObject({ code: 404 })
  const back = await client.patch(kinds.services, { namespace: 'default', name: 's' }, { spec: { type: 'ClusterIP', externalName: null } }, { type: 'merge' })
  expect(back.spec?.clusterIP).toMatch(/^10\.96\./)
  await stop()
})
