// The OpenAPI v3 document of a group version: what `/openapi/v3/apis/GROUP/VERSION` serves.
import type { Descriptions } from '../api/descriptions.ts'
import { apiVersionOf, type Kind } from '../api/kind.ts'
import { findSchema } from '../api/schema.ts'
import { Components, refTo, type GroupVersionKind, type Json } from './openapi-schema.ts'

export interface OpenApiOptions {
  /** Texts for `kubectl explain`; without them the document has none. */
  readonly descriptions?: Descriptions
  /** `status`, `scale` …: paths below the item. */
  readonly subresources?: (kind: Kind) => readonly string[]
  /** Kinds that are posted and never stored: reviews and bindings. */
  readonly isPosted?: (kind: Kind) => boolean
  /** Shown as `info.version`. */
  readonly version?: string
}

/** Kinds of one group version in, one document out. Nothing is cached. */
export function openApiFor(kinds: readonly Kind[], options: OpenApiOptions = {}): object {
  const components = new Components({ descriptions: options.descriptions ?? {}, kinds: kindsByType(kinds) })
  for (const type of ['meta/v1.Status', 'meta/v1.DeleteOptions', 'meta/v1.APIResourceList']) components.add(type)
  const paths: Record<string, Json> = {}
  for (const kind of kinds) {
    components.add(kind.type)
    if (findSchema(`${kind.type}List`)) components.add(`${kind.type}List`)
    Object.assign(paths, options.isPosted?.(kind) ? postedPath(kind) : pathsOf(kind, options.subresources?.(kind) ?? [], components))
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: options.version ?? 'v1.36.0' }, paths, components: { schemas: components.schemas } }
}

function kindsByType(kinds: readonly Kind[]): Map<string, GroupVersionKind[]> {
  const byType = new Map<string, GroupVersionKind[]>([
    ['meta/v1.Status', [{ group: '', version: 'v1', kind: 'Status' }]],
    ['autoscaling/v1.Scale', [{ group: 'autoscaling', version: 'v1', kind: 'Scale' }]],
  ])
  byType.set('meta/v1.DeleteOptions', [
    ...new Map(kinds.map(({ group, version }) => [`${group}/${version}`, { group, version, kind: 'DeleteOptions' }])).values(),
  ])
  for (const { group, version, kind, type } of kinds) {
    byType.set(type, [{ group, version, kind }])
    byType.set(`${type}List`, [{ group, version, kind: `${kind}List` }])
  }
  return byType
}

const subresourceTypes: Readonly<Record<string, string>> = {
  scale: 'autoscaling/v1.Scale',
  eviction: 'policy/v1.Eviction',
  binding: 'core/v1.Binding',
  token: 'authentication/v1.TokenRequest',
}
const postedSubresources = new Set(['eviction', 'binding', 'token'])
const streamed = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

const collectionOf = (kind: Kind) => {
  const root = kind.group ? `/apis/${apiVersionOf(kind)}` : `/api/${kind.version}`
  const namespace = kind.namespaced ? [pathParameter('namespace', 'object name and auth scope, such as for teams and projects')] : []
  return { root, namespace, collection: kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : `${root}/${kind.plural}` }
}

function postedPath(kind: Kind): Record<string, Json> {
  const { collection, namespace } = collectionOf(kind)
  return { [collection]: { post: operation(kind, 'post', 'Create'), parameters: [...namespace, pretty] } }
}

function pathsOf(kind: Kind, subresources: readonly string[], components: Components): Record<string, Json> {
  const { root, namespace, collection } = collectionOf(kind)
  const inItem = [...namespace, pathParameter('name', `name of the ${kind.kind}`)]
  const out: Record<string, Json> = {
    [collection]: {
      get: operation(kind, 'list', 'List'),
      post: operation(kind, 'post', 'Create'),
      delete: operation(kind, 'deletecollection', 'Delete a collection of'),
      parameters: [...namespace, pretty],
    },
    [`${collection}/{name}`]: {
      get: operation(kind, 'get', 'Read'),
      put: operation(kind, 'put', 'Replace'),
      patch: operation(kind, 'patch', 'Partially update'),
      delete: operation(kind, 'delete', 'Delete'),
      parameters: [...inItem, pretty],
    },
  }
  if (kind.namespaced) out[`${root}/${kind.plural}`] = { get: operation(kind, 'list', 'List', { everywhere: true }), parameters: [pretty] }
  for (const subresource of subresources) {
    if (streamed.has(subresource)) continue
    out[`${collection}/{name}/${subresource}`] = { ...subresourceOperations(kind, subresource, components), parameters: [...inItem, pretty] }
  }
  return out
}

function subresourceOperations(kind: Kind, subresource: string, components: Components): Json {
  const type = subresourceTypes[subresource] ?? kind.type
  components.add(type)
  if (postedSubresources.has(subresource)) return { post: operation(kind, 'post', 'Create', { subresource, type }) }
  const verbs = subresource === 'finalize' ? (['put'] as const) : (['get', 'put', 'patch'] as const)
  return Object.fromEntries(
    verbs.map((action) => [action, operation(kind, action, { get: 'Read', put: 'Replace', patch: 'Partially update' }[action], { subresource, type })]),
  )
}

type Action = 'list' | 'post' | 'deletecollection' | 'get' | 'put' | 'patch' | 'delete'

interface Variant {
  readonly everywhere?: boolean
  readonly subresource?: string
  readonly type?: string
}

function operation(kind: Kind, action: Action, verb: string, { everywhere, subresource, type = kind.type }: Variant = {}): Json {
  const part = subresource ? subresource.replace(/^./, (char) => char.toUpperCase()) : ''
  const scope = kind.namespaced && !everywhere ? 'Namespaced' : ''
  const family = (kind.group.split('.')[0] || 'core').replace(/^./, (char) => char.toUpperCase())
  const body = bodyOf(action, type)
  return {
    description: `${verb} ${subresource ? `${subresource} of ` : ''}the specified ${kind.kind}`,
    operationId: `${action}${family}${kind.version.toUpperCase()}${scope}${kind.kind}${part}${everywhere ? 'ForAllNamespaces' : ''}`,
    parameters: parametersOf[action],
    ...(body ? { requestBody: body } : {}),
    responses: responsesOf(action, action === 'list' ? `${type}List` : action.startsWith('delete') ? 'meta/v1.Status' : type),
    tags: [`${kind.group.split('.')[0] || 'core'}_${kind.version}`],
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': type === kind.type ? { group: kind.group, version: kind.version, kind: kind.kind } : gvkOf(type),
  }
}

function gvkOf(type: string): GroupVersionKind {
  const [family = '', rest = ''] = type.split('/')
  const [version = '', kind = ''] = rest.split('.')
  return { group: family === 'core' ? '' : family === 'authentication' ? 'authentication.k8s.io' : family, version, kind }
}

const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml']
const mediaTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']

function bodyOf(action: Action, type: string): Json | undefined {
  if (action === 'post' || action === 'put') return { content: { '*/*': { schema: refTo(type) } }, required: true }
  if (action === 'patch') return { content: Object.fromEntries(patchTypes.map((media) => [media, { schema: { type: 'object' } }])), required: true }
  return action.startsWith('delete') ? { content: { '*/*': { schema: refTo('meta/v1.DeleteOptions') } } } : undefined
}

function responsesOf(action: Action, type: string): Json {
  const content = Object.fromEntries(mediaTypes.map((media) => [media, { schema: refTo(type) }]))
  const codes: Readonly<Record<string, string>> = {
    200: 'OK',
    ...(action === 'post' || action === 'put' || action === 'patch' ? { 201: 'Created' } : {}),
    ...(action === 'post' || action === 'delete' ? { 202: 'Accepted' } : {}),
  }
  return { ...Object.fromEntries(Object.entries(codes).map(([code, description]) => [code, { description, content }])), 401: { description: 'Unauthorized' } }
}

const query = (name: string, type: 'string' | 'boolean' | 'integer', description: string): Json => ({
  name,
  in: 'query',
  description,
  schema: { type, uniqueItems: true },
})
const pathParameter = (name: string, description: string): Json => ({
  name,
  in: 'path',
  description,
  required: true,
  schema: { type: 'string', uniqueItems: true },
})

const pretty = query('pretty', 'string', 'If true, the output is pretty printed.')
const dryRun = query('dryRun', 'string', 'All: the request is processed in full, and nothing is stored.')
const fieldManager = query('fieldManager', 'string', 'The name of the actor that makes these changes.')
const fieldValidation = query('fieldValidation', 'string', 'How unknown and duplicate fields are met: Ignore, Warn or Strict.')
const force = query('force', 'boolean', 'Take over fields that others own. Only for apply patches.')
const selection = [
  query('allowWatchBookmarks', 'boolean', 'Watch events of type BOOKMARK are welcome.'),
  query('continue', 'string', 'The token of the previous page.'),
  query('fieldSelector', 'string', 'Restricts the objects by their fields.'),
  query('labelSelector', 'string', 'Restricts the objects by their labels.'),
  query('limit', 'integer', 'The most objects of one page.'),
  query('resourceVersion', 'string', 'What the list may be as old as, or the watch starts after.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is held against a list: NotOlderThan or Exact.'),
  query('sendInitialEvents', 'boolean', 'Begin the watch with what there is.'),
  query('timeoutSeconds', 'integer', 'The longest time the call may take.'),
  query('watch', 'boolean', 'Follow the changes instead of listing.'),
]
const deletion = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'The seconds before the object is deleted.'),
  query('orphanDependents', 'boolean', 'Deprecated: use propagationPolicy.'),
  query('propagationPolicy', 'string', 'What becomes of the dependents: Orphan, Background or Foreground.'),
]

const parametersOf: Readonly<Record<Action, readonly Json[]>> = {
  list: selection,
  get: [],
  post: [dryRun, fieldManager, fieldValidation],
  put: [dryRun, fieldManager, fieldValidation],
  patch: [dryRun, fieldManager, fieldValidation, force],
  delete: deletion,
  deletecollection: [...deletion, ...selection.filter(({ name }) => name !== 'watch' && name !== 'allowWatchBookmarks')],
}
