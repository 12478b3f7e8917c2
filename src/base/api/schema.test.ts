import { expect, it } from 'vitest'
import { decodeObject } from '../machinery/decode.ts'
import { kinds } from './kinds.ts'
import { apiVersionOf } from './kind.ts'
import { findSchema, schemaOf, typeNameOf, typeNames, type FieldType } from './schema.ts'

it('compiles every type, and each refers to types there are', () => {
  const refs = (type: FieldType): string[] => (type.kind === 'struct' ? [type.ref] : type.kind === 'scalar' ? [] : refs(type.element))
  const missing = typeNames().flatMap((name) =>
    schemaOf(name)
      .declared.flatMap((field) => refs(field.type))
      .filter((ref) => !findSchema(ref)),
  )
  expect(missing).toEqual([])
})

it('finds the type of every served kind by its apiVersion', () => {
  expect(kinds.map((kind) => typeNameOf(apiVersionOf(kind), kind.kind))).toEqual(kinds.map((kind) => kind.type))
  expect(typeNameOf('apps/v1', 'DeleteOptions')).toBe('meta/v1.DeleteOptions')
  expect(typeNameOf('example.com/v1', 'Thing')).toBeUndefined()
})

it('flattens inline structs for JSON and keeps them for protobuf', () => {
  const volume = schemaOf('core/v1.Volume')
  expect([...volume.fields.keys()].slice(-1)).toEqual(['name'])
  expect(volume.fields.get('emptyDir')?.number).toBe(2)
  expect(volume.declared.map(({ name, number, inline }) => [name, number, inline])).toEqual([
    ['name', 1, false],
    ['VolumeSource', 2, true],
  ])
  expect(schemaOf('core/v1.PersistentVolumeClaim').hasTypeMeta).toBe(true)
  expect(schemaOf('core/v1.PodTemplateSpec').hasTypeMeta).toBe(false)
})

it('decodes what it decoded into the same again', () => {
  for (const name of typeNames()) {
    const { object } = decodeObject(name, {})
    expect(decodeObject(name, object), name).toEqual({ object, unknownFields: [] })
  }
})
