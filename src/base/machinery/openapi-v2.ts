// One Swagger 2.0 document of every kind: what `/openapi/v2` serves to kubectl before 1.24, Helm and older SDKs.
import type { Kind } from '../api/kind.ts'
import { openApiFor, type OpenApiOptions } from './openapi.ts'
import type { Json } from './openapi-schema.ts'

/** The same types and paths as the v3 documents, in the older form. As upstream does, defaults are left out. */
export function swaggerFor(kinds: readonly Kind[], options: OpenApiOptions = {}): Json {
  const { info, paths, components } = openApiFor(kinds, options) as {
    info: Json
    paths: Record<string, Json>
    components: { schemas: Record<string, Json> }
  }
  return { swagger: '2.0', info, paths: mapValues(paths, swaggerPath), definitions: mapValues(components.schemas, swaggerSchema) }
}

const mapValues = <In, Out>(from: Readonly<Record<string, In>>, change: (value: In) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(from).map(([key, value]) => [key, change(value)]))

function swaggerSchema({ allOf, oneOf, default: _, ...schema }: Json): Json {
  const out: Json = { ...schema }
  // In 2.0 a reference may have siblings, and a union has no form: kubectl takes a number for a string.
  if (Array.isArray(allOf)) Object.assign(out, allOf[0])
  if (oneOf) out['type'] = 'string'
  if (typeof out['$ref'] === 'string') out['$ref'] = out['$ref'].replace('#/components/schemas/', '#/definitions/')
  if (out['items']) out['items'] = swaggerSchema(out['items'] as Json)
  if (out['additionalProperties']) out['additionalProperties'] = swaggerSchema(out['additionalProperties'] as Json)
  if (out['properties']) out['properties'] = mapValues(out['properties'] as Record<string, Json>, swaggerSchema)
  return out
}

const swaggerPath = (path: Json): Json =>
  Object.fromEntries(Object.entries(path).map(([key, value]) => [key, Array.isArray(value) ? value.map(swaggerParameter) : swaggerOperation(value as Json)]))

const swaggerParameter = ({ schema, ...parameter }: Json): Json => ({ ...parameter, ...(schema as Json) })

interface Body {
  readonly content: Readonly<Record<string, { readonly schema: Json }>>
  readonly required?: boolean
}

function swaggerOperation({ parameters, requestBody, responses, ...operation }: Json): Json {
  const body = requestBody as Body | undefined
  const answers = Object.entries(responses as Record<string, Partial<Body> & { description: string }>)
  return {
    ...operation,
    consumes: Object.keys(body?.content ?? { '*/*': {} }),
    produces: [...new Set(answers.flatMap(([, { content }]) => Object.keys(content ?? {})))],
    parameters: [...(body ? [bodyParameter(body)] : []), ...(parameters as Json[]).map(swaggerParameter)],
    responses: Object.fromEntries(
      answers.map(([code, { description, content }]) => [code, { description, ...(content ? { schema: schemaIn(content) } : {}) }]),
    ),
  }
}

const schemaIn = (content: Body['content']): Json => swaggerSchema(Object.values(content)[0]?.schema ?? {})

const bodyParameter = ({ content, required }: Body): Json => ({ name: 'body', in: 'body', ...(required ? { required } : {}), schema: schemaIn(content) })
