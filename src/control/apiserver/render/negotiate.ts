import { notAcceptable } from '../errors.ts'

/** How a client wants an object: as it is, as a Table, or its metadata only. */
export interface Wanted {
  readonly format: 'json' | 'yaml'
  readonly as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  readonly version?: string
}

const accepted = ['application/json', 'application/yaml']

/** The first clause of an Accept header that can be served. */
export function negotiate(accept: string | undefined): Wanted {
  if (!accept) return { format: 'json' }
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim())
    const format = formatOf(type)
    if (!format) continue
    const values = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]))
    const as = values.get('as')
    if (!as) return { format }
    if (values.get('g') !== 'meta.k8s.io' || !['v1', 'v1beta1'].includes(values.get('v') ?? '')) continue
    if (as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { format, as, version: values.get('v')! }
  }
  throw notAcceptable(accepted)
}

function formatOf(type: string): Wanted['format'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json'
  return type === 'application/yaml' ? 'yaml' : undefined
}
