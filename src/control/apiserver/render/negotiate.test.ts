import { describe, expect, it } from 'vitest'
import { negotiate, type Offer } from './negotiate.ts'

const pods: Offer = { type: 'core/v1.Pod', isWatch: false, hasForms: true }
const widgets: Offer = { ...pods, type: 'example/v1.Widget' }
const protobuf = 'application/vnd.kubernetes.protobuf'
const metadata = 'as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

describe('negotiate', () => {
  it.each<[string | undefined, Offer, object]>([
    [undefined, pods, { format: 'json' }],
    ['*/*', pods, { format: 'json' }],
    ['application/*', pods, { format: 'json' }],
    [`${protobuf},application/json`, pods, { format: 'protobuf' }],
    [`${protobuf}, application/json`, widgets, { format: 'json' }],
    [`${protobuf};q=0.5,application/yaml`, pods, { format: 'yaml' }],
    [`*/*,${protobuf}`, pods, { format: 'protobuf' }],
    ['text/html,application/xml;q=0.9,*/*;q=0.8', pods, { format: 'json' }],
    ['application/json;pretty=1', pods, { format: 'json', pretty: true }],
    ['application/json;as=Table;g=meta.k8s.io;v=v1,application/json', pods, { format: 'json', as: 'Table', version: 'v1' }],
    [`${protobuf};as=Table;g=meta.k8s.io;v=v1,application/json`, pods, { format: 'json' }],
    [`${protobuf};${metadata}`, widgets, { format: 'protobuf', as: 'PartialObjectMetadata', version: 'v1' }],
    ['application/json;as=Nonsense;g=meta.k8s.io;v=v1,application/json', pods, { format: 'json' }],
    [`${protobuf};stream=watch`, { ...pods, isWatch: true }, { format: 'protobuf' }],
  ])('gives for %s', (accept, offer, expected) => {
    expect(negotiate(accept, offer)).toMatchObject(expected)
  })

  it.each<[string, Offer, string]>([
    ['application/cbor', pods, 'application/json, application/yaml, application/vnd.kubernetes.protobuf'],
    ['text/html', widgets, 'application/json, application/yaml'],
    [protobuf, widgets, 'application/json, application/yaml'],
    ['application/yaml', { ...pods, isWatch: true }, 'application/json, application/yaml, application/vnd.kubernetes.protobuf'],
  ])('refuses %s', (accept, offer, types) => {
    expect(() => negotiate(accept, offer)).toThrow(`only the following media types are accepted: ${types}`)
  })
})
