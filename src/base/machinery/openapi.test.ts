import { describe, expect, it } from 'vitest'
import { deployments, kinds, pods, roles, services } from '../api/kinds.ts'
import { openApiFor } from './openapi.ts'

// oxlint-disable-next-line typescript/no-explicit-any
const documentOf = (...args: Parameters<typeof openApiFor>): any => openApiFor(...args)
const apps = documentOf([deployments], { subresources: () => ['status', 'scale'] })
const schemas = apps.components.schemas

describe('openApiFor', () => {
  it('names and annotates types as upstream does', () => {
    expect(schemas['io.k8s.api.apps.v1.Deployment']['x-kubernetes-group-version-kind']).toEqual([{ group: 'apps', version: 'v1', kind: 'Deployment' }])
    expect(schemas['io.k8s.api.apps.v1.Deployment'].properties.spec).toEqual({
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec' }],
      default: {},
    })
    expect(schemas['io.k8s.api.apps.v1.DeploymentSpec'].properties.strategy['x-kubernetes-patch-strategy']).toBe('retainKeys')
    expect(schemas['io.k8s.api.core.v1.PodSpec'].properties.containers).toMatchObject({
      type: 'array',
      items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }] },
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    })
    expect(schemas['io.k8s.api.core.v1.Container'].properties.imagePullPolicy.enum).toEqual(['Always', 'IfNotPresent', 'Never'])
    expect(schemas['io.k8s.api.core.v1.Volume'].properties.emptyDir).toBeDefined()
  })

  it('offers every verb, with what kubectl looks for in PATCH', () => {
    const item = apps.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']
    expect(Object.keys(item)).toEqual(['get', 'put', 'patch', 'delete', 'parameters'])
    expect(item.patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' })
    expect(item.patch['x-kubernetes-action']).toBe('patch')
    expect(item.patch.parameters.map(({ name }: { name: string }) => name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force'])
    expect(Object.keys(apps.paths)).toEqual([
      '/apis/apps/v1/namespaces/{namespace}/deployments',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}',
      '/apis/apps/v1/deployments',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale',
    ])
    expect(apps.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale'].put['x-kubernetes-group-version-kind'].kind).toBe('Scale')
  })

  it('takes its texts from the descriptions it is given', () => {
    const { components } = documentOf([pods], {
      descriptions: { 'core/v1.Pod': { '': 'A pod.', spec: 'What it is to be.' }, 'core/v1.PodStatus': { '': 'How it is.' } },
    })
    const pod = components.schemas['io.k8s.api.core.v1.Pod']
    expect([pod.description, pod.properties.spec.description, pod.properties.status.description]).toEqual(['A pod.', 'What it is to be.', 'How it is.'])
  })

  it.each(kinds.map((kind) => [kind.type, kind] as const))('holds every reference of %s', (_, kind) => {
    const document = documentOf([kind])
    const references = JSON.stringify(document).match(/(?<="\$ref":"#\/components\/schemas\/)[^"]+/g) ?? []
    expect(references.filter((name) => !(name in document.components.schemas))).toEqual([])
    expect([pods, services, roles].includes(kind as never) ? references.length > 3 : true).toBe(true)
  })
})
