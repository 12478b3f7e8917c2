import type { Kind } from '../../../base/api/kind.ts'
import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import type { LabelSelector } from '../../../base/api/generated/types.ts'
import { readObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { invalid, notFound } from '../errors.ts'
import { writtenObject, type Outcome } from '../outcome.ts'
import { updateObject } from '../storage/update-object.ts'
import { applyConfig, readConfiguration } from '../verbs/apply.ts'
import { prepareMerge } from '../verbs/patch.ts'
import { writeOptions, type WriteOptions } from '../verbs/write-options.ts'

type Scalable = KubeObject & {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Readonly<Record<string, string>> }
  readonly status?: { readonly replicas?: number }
}
type Scale = KubeObject & { readonly spec?: { readonly replicas?: number } }

export const scaleKind: Kind = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  singular: 'scale',
  namespaced: true,
  shortNames: [],
  categories: [],
  type: 'autoscaling/v1.Scale',
}

export async function scaleSubresource(ctx: ServerContext, call: Call): Promise<Outcome | undefined> {
  const { resource, route, request } = call
  const item = ctx.storage.get(resource, route)
  if (!item) throw notFound(resource.kind, route.name)
  if (route.verb === 'get') return scaleOutcome(item.object)
  if (route.verb !== 'update' && route.verb !== 'patch') return undefined
  const options = writeOptions(call, 'UpdateOptions')
  const { dryRun, manager } = options
  const propose = manager.operation === 'Apply' ? prepareScaleApply(ctx, call, options) : prepareScale(call, options)
  return scaleOutcome(writtenObject(await updateObject(ctx, { resource, ref: route, subresource: 'scale', manager, user: request.user, dryRun, propose })))
}

function prepareScale(call: Call, options: WriteOptions): (old: KubeObject) => Mutable<KubeObject> {
  const isPatch = call.route.verb === 'patch'
  const asked = isPatch ? prepareMerge(call, scaleKind, options) : asIs(readObject(call, scaleKind, options.fieldValidation))
  return (old) => proposeScale(old, asked(scaleOf(old) as KubeObject) as unknown as Scale)
}

/** Whoever applies a Scale owns the replicas of the object itself. */
function prepareScaleApply(ctx: ServerContext, call: Call, options: WriteOptions): (old: KubeObject) => Mutable<KubeObject> {
  const { metadata, spec } = readConfiguration(call, scaleKind) as Scale
  return (old) => {
    const { apiVersion, kind } = old
    const config = { apiVersion, kind, metadata: metadata ?? {}, ...(spec?.replicas === undefined ? {} : { spec: { replicas: spec.replicas } }) } as KubeObject
    return checkReplicas(applyConfig(ctx, call, { ...options, config })(old))
  }
}

const asIs = (object: Mutable<KubeObject>) => () => object
const scaleOutcome = (object: KubeObject): Outcome => ({ type: 'object', status: 200, object: scaleOf(object) })

function proposeScale(old: KubeObject, scale: Scale): Mutable<KubeObject> {
  const replicas = checkReplicas(scale).spec?.replicas ?? 0
  const object = mutableCopy(old) as Mutable<KubeObject> & { spec?: { replicas?: number } }
  object.spec = { ...object.spec, replicas }
  if (scale.metadata.resourceVersion) object.metadata.resourceVersion = scale.metadata.resourceVersion
  return object
}

function checkReplicas<T extends KubeObject>(scale: T): T {
  const { replicas = 0 } = (scale as Scalable).spec ?? {}
  if (replicas >= 0) return scale
  const message = `Invalid value: ${replicas}: must be greater than or equal to 0`
  throw invalid(scaleKind, scale.metadata.name, [{ type: 'FieldValueInvalid', field: 'spec.replicas', message }])
}

function scaleOf(object: Scalable): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: object.spec?.replicas ?? 0 },
    status: { replicas: object.status?.replicas ?? 0, selector: selectorText(object.spec?.selector) },
  }
}

/** A label selector in its query form: `app=web,tier in (a,b)`. */
function selectorText(selector: LabelSelector | Readonly<Record<string, string>> | undefined): string {
  if (!selector) return ''
  const structured = 'matchLabels' in selector || 'matchExpressions' in selector
  const { matchLabels = {}, matchExpressions = [] } = (structured ? selector : { matchLabels: selector }) as LabelSelector
  const labels = Object.entries(matchLabels)
    .sort()
    .map(([key, value]) => `${key}=${value}`)
  const expressions = matchExpressions.map(({ key, operator, values }) => {
    if (operator === 'Exists') return key
    if (operator === 'DoesNotExist') return `!${key}`
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${[...(values ?? [])].sort().join(',')})`
  })
  return [...labels, ...expressions].join(',')
}
