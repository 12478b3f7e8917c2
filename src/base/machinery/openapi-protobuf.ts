// A Swagger 2.0 document as the protobuf message `openapi.v2.Document` of gnostic: the only form that kubectl before 1.24 asks for.
import type { Json } from './openapi-schema.ts'
import { joinFields, lengthDelimited, varintField } from './wire-writer.ts'

type Encode = (field: number, value: never) => Uint8Array

/** Property name → field number and how its value is written. `x-` is the number that extensions go to. */
type Message = () => Readonly<Record<string, readonly [field: number, encode: Encode]>>

const text: Encode = (field, value: string) => lengthDelimited(field, Buffer.from(value))
const flag: Encode = (field, value: boolean) => varintField(field, value ? 1 : 0)
const many =
  (encode: Encode): Encode =>
  (field, values: readonly never[]) =>
    joinFields(values.map((value) => encode(field, value)))
const message =
  (shape: Message): Encode =>
  (field, value: Json) =>
    lengthDelimited(field, encodeMessage(shape, value))
/** A message whose only field is another: how gnostic spells a `oneof`. */
const within =
  (inner: number, encode: Encode): Encode =>
  (field, value) =>
    lengthDelimited(field, encode(inner, value))
/** gnostic has no maps: pairs of name and value, in order. */
const named =
  (encode: Encode): Encode =>
  (field, values: Readonly<Record<string, never>>) =>
    joinFields(Object.entries(values).map(([name, value]) => lengthDelimited(field, joinFields([text(1, name as never), encode(2, value)]))))
/** Any value, as YAML text; JSON is YAML. */
const any: Encode = (field, value: unknown) => lengthDelimited(field, text(2, JSON.stringify(value) as never))

const schema: Message = () => ({
  $ref: [1, text],
  format: [2, text],
  description: [4, text],
  required: [19, many(text)],
  enum: [20, many(any)],
  additionalProperties: [21, within(1, message(schema))],
  type: [22, within(1, text)],
  items: [23, within(1, message(schema))],
  properties: [25, within(1, named(message(schema)))],
  'x-': [31, any],
})

const bodyParameter: Message = () => ({ description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, message(schema)] })
const queryParameter: Message = () => ({
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [6, text],
  uniqueItems: [20, flag],
})
const pathParameter: Message = () => ({ required: [1, flag], in: [2, text], description: [3, text], name: [4, text], type: [5, text], uniqueItems: [19, flag] })

/** ParametersItem { parameter = 1 { body = 1 | nonBody = 2 { query = 3 | path = 4 } } } */
const parameter: Encode = (field, value: Json) => lengthDelimited(field, parameterForms[value['in'] as keyof typeof parameterForms](1, value as never))
const parameterForms = {
  body: within(1, message(bodyParameter)),
  query: within(2, within(3, message(queryParameter))),
  path: within(2, within(4, message(pathParameter))),
}

const response: Message = () => ({ description: [1, text], schema: [2, within(1, message(schema))] })

const operation: Message = () => ({
  tags: [1, many(text)],
  description: [3, text],
  operationId: [5, text],
  produces: [6, many(text)],
  consumes: [7, many(text)],
  parameters: [8, many(parameter)],
  responses: [9, within(1, named(within(1, message(response))))],
  'x-': [13, any],
})

const pathItem: Message = () => ({
  get: [2, message(operation)],
  put: [3, message(operation)],
  post: [4, message(operation)],
  delete: [5, message(operation)],
  patch: [8, message(operation)],
  parameters: [9, many(parameter)],
})

const document: Message = () => ({
  swagger: [1, text],
  info: [2, message(() => ({ title: [1, text], version: [2, text] }))],
  paths: [8, within(2, named(message(pathItem)))],
  definitions: [9, within(1, named(message(schema)))],
})

/** What has no place in the message is an error: silence would be a document that says less. */
function encodeMessage(shape: Message, value: Json): Uint8Array {
  const fields = shape()
  return joinFields(
    Object.entries(value).map(([name, inner]) => {
      const extension = name.startsWith('x-') ? fields['x-'] : undefined
      if (extension) return named(any)(extension[0], { [name]: inner } as never)
      const known = fields[name]
      if (!known) throw new Error(`no field for ${name}`)
      return known[1](known[0], inner as never)
    }),
  )
}

export const encodeSwagger = (swagger: Json): Uint8Array => encodeMessage(document, swagger)
