import { afterEach, describe, expect, it } from 'vitest'
import { configMaps, deployments, namespaces, pods, serviceAccounts } from '../../../base/api/kinds.ts'
import { rootCaController } from '../root-ca/root-ca.ts'
import { serviceAccountController } from '../serviceaccount/serviceaccount.ts'
import { startStory, type Story } from '../story.ts'
import { namespaceController } from './namespace.ts'

describe('a namespace', () => {
  let story: Story
  afterEach(() => story.stop())
  const begin = async () => {
    story = startStory([namespaceController, serviceAccountController, rootCaController])
    await story.client.create(namespaces, { metadata: { name: 'shop' } })
    await story.quiet()
  }

  it('gets its ServiceAccount and the CA certificate, again when they are lost or changed', async () => {
    await begin()
    const rootCA = { namespace: 'shop', name: 'kube-root-ca.crt' }
    expect(await story.client.get(configMaps, rootCA)).toMatchObject({
      data: { 'ca.crt': 'PEM' },
      metadata: { annotations: { 'kubernetes.io/description': expect.stringContaining('CA bundle') as string } },
    })
    await story.client.delete(serviceAccounts, { namespace: 'shop', name: 'default' })
    await story.client.patch(configMaps, rootCA, { data: { 'ca.crt': 'forged', more: 'x' } }, { type: 'merge' })
    await story.quiet()
    await story.client.get(serviceAccounts, { namespace: 'shop', name: 'default' })
    expect((await story.client.get(configMaps, rootCA)).data).toEqual({ 'ca.crt': 'PEM' })
    expect(await story.restart()).toEqual([])
  })

  it('is emptied before it goes, and says what it waits for', async () => {
    await begin()
    await story.client.create(deployments, { metadata: { name: 'web', namespace: 'shop' }, spec: {} })
    await story.client.create(deployments, { metadata: { name: 'web', namespace: 'other' }, spec: {} })
    await story.client.create(pods, { metadata: { name: 'slow', namespace: 'shop', finalizers: ['test/hold'] }, spec: { nodeName: 'n1', containers: [] } })
    await story.client.delete(namespaces, { name: 'shop' })
    await story.clock.advance(100)
    const { status } = await story.client.get(namespaces, { name: 'shop' })
    expect(status.phase).toBe('Terminating')
    expect(status.conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`)).toEqual([
      'NamespaceDeletionDiscoveryFailure False ResourcesDiscovered',
      'NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions',
      'NamespaceDeletionContentFailure False ContentDeleted',
      'NamespaceContentRemaining True SomeResourcesRemain',
      'NamespaceFinalizersRemaining True SomeFinalizersRemain',
    ])
    expect(status.conditions?.[3]?.message).toBe('Some resources are remaining: pods. has 1 resource instances')
    await story.client.delete(pods, { namespace: 'shop', name: 'slow' }, { gracePeriodSeconds: 0 })
    await story.client.patch(pods, { namespace: 'shop', name: 'slow' }, { metadata: { finalizers: null } }, { type: 'merge' })
    await story.clock.advance(1000)
    expect((await story.client.list(namespaces)).items).toEqual([])
    expect((await story.client.list(deployments)).items.map((d) => d.metadata.namespace)).toEqual(['other'])
    expect((await story.client.list(serviceAccounts)).items).toEqual([])
  })
})
