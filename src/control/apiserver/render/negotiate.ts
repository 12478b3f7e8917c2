import { hasProtobuf } from '../../../base/machinery/protobuf-encode.ts'
import { notAcceptable } from '../errors.ts'

export type Format = 'json' | 'yaml' | 'protobuf'

/** How a client wants an object: as it is, as a Table, or its metadata only. */
export interface Wanted {
  readonly format: Format
  readonly as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  readonly version?: string
  /** Indented JSON. */
  readonly pretty: boolean
}

/** In upstream's order: the first is what a wildcard gives. */
const mediaTypes: readonly (readonly [type: string, format: Format])[] = [
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['application/vnd.kubernetes.protobuf', 'protobuf'],
]
export const acceptedTypes = mediaTypes.map(([type]) => type)
export const protobufType = 'application/vnd.kubernetes.protobuf'

/** What may be asked of the objects that are answered. */
export interface Offer {
  /** Their type, or undefined for what has no protobuf form of its own (Status and metadata always do). */
  readonly type: string | undefined
  readonly isWatch: boolean
  /** What is no resource has no other forms. */
  readonly hasForms: boolean
}

interface Clause {
  readonly type: string
  readonly q: number
  readonly parameters: ReadonlyMap<string, string>
}

/** The best clause of an Accept header that can be served. Throws NotAcceptable. */
export function negotiate(accept: string | undefined, offer: Offer): Wanted {
  if (!accept || accept === '*/*' || accept === 'application/json') return { format: 'json', pretty: false }
  for (const clause of clausesOf(accept)) {
    for (const [type, format] of mediaTypes) {
      const wanted = matches(clause.type, type) ? wantedOf(clause, format, offer) : undefined
      if (wanted) return wanted
    }
  }
  throw notAcceptable(acceptedTypes.filter((type) => type !== protobufType || isOfProtobuf(offer)))
}

const isOfProtobuf = ({ type }: Offer): boolean => type !== undefined && hasProtobuf(type)

const matches = (range: string, type: string): boolean => range === type || range === '*/*' || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)))

/** By quality, and of the same quality the named before wildcards; otherwise as they came. */
const clausesOf = (accept: string): Clause[] =>
  accept
    .split(',')
    .map(parseClause)
    .toSorted((a, b) => b.q - a.q || wildcards(a.type) - wildcards(b.type))

const wildcards = (type: string): number => (type.match(/\*/g) ?? []).length

function parseClause(text: string): Clause {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim())
  const parameters = new Map(rest.map((parameter) => parameter.split('=', 2) as [string, string]))
  const q = Number(parameters.get('q') ?? 1)
  parameters.delete('q')
  return { type: type.toLowerCase(), q: Number.isFinite(q) ? q : 1, parameters }
}

/** Undefined where the clause asks for what this format, or these objects, have not. */
function wantedOf({ parameters }: Clause, format: Format, offer: Offer): Wanted | undefined {
  const { isWatch, hasForms } = offer
  const stream = parameters.get('stream')
  if (stream && (stream !== 'watch' || format === 'yaml')) return undefined
  if (isWatch && format === 'yaml') return undefined
  const pretty = parameters.get('pretty') === '1'
  const [as, group, version] = [parameters.get('as'), parameters.get('g'), parameters.get('v')]
  if (as === undefined && group === undefined && version === undefined) {
    return format === 'protobuf' && !isOfProtobuf(offer) ? undefined : { format, pretty }
  }
  if (!hasForms || group !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined
  if (as === 'Table') return format === 'protobuf' ? undefined : { format, as, version, pretty }
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList' ? { format, as, version, pretty } : undefined
}
