import { describe, expect, it } from 'vitest'
import { deployments, kinds } from '../api/kinds.ts'
import { encodeSwagger } from './openapi-protobuf.ts'
import { swaggerFor } from './openapi-v2.ts'
import { WireReader } from './wire-reader.ts'

// oxlint-disable-next-line typescript/no-explicit-any
const swagger: any = swaggerFor([deployments], { subresources: () => ['status'] })

describe('swaggerFor', () => {
  it('refers beside its siblings, and has no unions and no defaults', () => {
    const { definitions } = swagger
    expect(definitions['io.k8s.api.apps.v1.Deployment'].properties.spec).toEqual({ $ref: '#/definitions/io.k8s.api.apps.v1.DeploymentSpec' })
    expect(definitions['io.k8s.api.core.v1.PodSpec'].properties.containers).toMatchObject({
      type: 'array',
      items: { $ref: '#/definitions/io.k8s.api.core.v1.Container' },
      'x-kubernetes-patch-merge-key': 'name',
    })
    expect(definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString']).toMatchObject({ type: 'string', format: 'int-or-string' })
    expect(JSON.stringify(swagger)).not.toMatch(/"(allOf|oneOf|default)":|components\/schemas/)
  })

  it('requires of a Deployment what upstream requires: old kubectl refuses the rest before it asks', () => {
    const requiredOf = (name: string) => swagger.definitions[`io.k8s.api.${name}`].required
    expect(requiredOf('apps.v1.DeploymentSpec')).toEqual(['selector', 'template'])
    expect(requiredOf('core.v1.PodSpec')).toEqual(['containers'])
    expect(requiredOf('core.v1.Container')).toEqual(['name'])
    expect(requiredOf('core.v1.Affinity')).toBeUndefined()
  })

  it('has bodies as parameters, and dryRun in PATCH, where kubectl looks for it', () => {
    const { patch, post } = {
      ...swagger.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'],
      ...swagger.paths['/apis/apps/v1/namespaces/{namespace}/deployments'],
    }
    expect(post.parameters[0]).toEqual({ name: 'body', in: 'body', required: true, schema: { $ref: '#/definitions/io.k8s.api.apps.v1.Deployment' } })
    expect(patch.consumes).toContain('application/strategic-merge-patch+json')
    expect(patch.parameters).toContainEqual(expect.objectContaining({ name: 'dryRun', in: 'query', type: 'string' }))
    expect(patch.responses[200].schema).toEqual({ $ref: '#/definitions/io.k8s.api.apps.v1.Deployment' })
  })
})

describe('encodeSwagger', () => {
  it('writes gnostic messages: swagger, info, paths, definitions', () => {
    const reader = new WireReader(encodeSwagger(swagger))
    const fields: number[] = []
    while (!reader.done) {
      fields.push(reader.tag().field)
      reader.bytes()
    }
    expect(fields).toEqual([1, 2, 8, 9])
  })

  it('names extensions, and writes their values as YAML', () => {
    const bytes = encodeSwagger({ definitions: { A: { type: 'object', 'x-kubernetes-list-map-keys': ['name'] } } })
    // definitions = 9 { pair = 1 { name = 1, value = 2 { type = 22 { value = 1 }, extension = 31 { name = 1, value = 2 { yaml = 2 } } } } }
    const hex = (text: string) => Buffer.from(text).toString('hex')
    expect(Buffer.from(bytes).toString('hex')).toBe(
      [
        '4a3d',
        '0a3b',
        `0a01${hex('A')}`,
        '1236',
        `b201080a06${hex('object')}`,
        'fa0128',
        `0a1a${hex('x-kubernetes-list-map-keys')}`,
        `120a1208${hex('["name"]')}`,
      ].join(''),
    )
  })

  it('has a place for all that any kind brings', () => {
    expect(encodeSwagger(swaggerFor(kinds)).length).toBeGreaterThan(100_000)
  })
})
