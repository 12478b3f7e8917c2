import { afterEach, describe, expect, it } from 'vitest'
import type { Kind } from '../../../base/api/kind.ts'
import { configMaps, deployments, pods, replicaSets } from '../../../base/api/kinds.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import { controllerRef } from '../../../base/client/owner-ref.ts'
import { startStory, type Story } from '../story.ts'
import { garbageCollector } from './garbage-collector.ts'

const at = (name: string) => ({ namespace: 'shop', name })

describe('the garbage collector', () => {
  let story: Story
  afterEach(() => story.stop())

  const owned = async <T extends KubeObject>(kind: Kind, name: string, ...owners: readonly (readonly [Kind<T>, T])[]) =>
    story.client.create(kind, { metadata: { ...at(name), ownerReferences: owners.map(([ownerKind, owner]) => controllerRef(ownerKind, owner)) } })

  /** Deployment web, its ReplicaSet, the ReplicaSet's Pod. */
  const begin = async () => {
    story = startStory([garbageCollector])
    const d = await story.client.create(deployments, { metadata: at('web') })
    const rs = (await owned(replicaSets, 'web-1', [deployments, d])) as never
    await owned(pods, 'web-1-a', [replicaSets, rs])
    expect(await story.quiet()).toHaveLength(0)
    return { d, rs }
  }
  const left = async () => {
    const lists = await Promise.all([deployments, replicaSets, pods, configMaps].map((kind) => story.client.list(kind as Kind)))
    return lists.flatMap((list) => list.items.map((object) => object.metadata.name))
  }

  it('deletes what is left of a deleted owner, down to the last', async () => {
    await begin()
    await story.client.delete(deployments, at('web'), { propagationPolicy: 'Background' })
    await story.quiet()
    expect(await left()).toEqual([])
  })

  it('in foreground lets the owner go last', async () => {
    await begin()
    await story.client.patch(pods, at('web-1-a'), { metadata: { finalizers: ['test/hold'] } }, { type: 'merge' })
    await story.client.delete(deployments, at('web'), { propagationPolicy: 'Foreground' })
    await story.quiet()
    expect(await left()).toEqual(['web', 'web-1', 'web-1-a'])
    expect((await story.client.get(replicaSets, at('web-1'))).metadata).toMatchObject({
      deletionTimestamp: expect.any(String) as string,
      finalizers: ['foregroundDeletion'],
    })
    await story.client.patch(pods, at('web-1-a'), { metadata: { finalizers: null } }, { type: 'merge' })
    await story.quiet()
    expect(await left()).toEqual([])
    expect(story.client.writes.filter((write) => /^(patch|delete)/.test(write)).slice(-3)).toEqual([
      'delete pods shop/web-1-a',
      'delete replicasets shop/web-1',
      'delete deployments shop/web',
    ])
  })

  it('orphans dependents where asked', async () => {
    await begin()
    await story.client.delete(deployments, at('web'), { propagationPolicy: 'Orphan' })
    await story.quiet()
    expect(await left()).toEqual(['web-1', 'web-1-a'])
    expect((await story.client.get(replicaSets, at('web-1'))).metadata.ownerReferences).toBeUndefined()
    expect(await story.restart()).toEqual([])
  })

  it('keeps what has another owner left, without the reference to the one that is gone', async () => {
    const { d } = await begin()
    const other = await story.client.create(deployments, { metadata: at('other') })
    await owned(configMaps, 'shared', [deployments, d], [deployments, other])
    await story.quiet()
    await story.client.delete(deployments, at('web'))
    await story.quiet()
    expect(await left()).toEqual(['other', 'shared'])
    expect((await story.client.get(configMaps, at('shared'))).metadata.ownerReferences?.map((ref) => ref.name)).toEqual(['other'])
  })

  it('collects what names an owner that never was, or only shares its name, but nothing of a kind that it does not know', async () => {
    const { d } = await begin()
    await owned(configMaps, 'impostor', [deployments, { ...d, metadata: { ...d.metadata, uid: 'another' } }])
    await story.client.create(configMaps, {
      metadata: { ...at('custom'), ownerReferences: [{ apiVersion: 'example.org/v1', kind: 'Thing', name: 'x', uid: 'y' }] },
    })
    await story.quiet()
    expect(await left()).toEqual(['web', 'web-1', 'web-1-a', 'custom'])
  })
})
