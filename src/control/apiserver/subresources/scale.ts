import type { Kind } from '../../../base/api/kind.ts'
import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import type { LabelSelector } from '../../../base/api/generated/types.ts'
import { readObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { invalid, notFound } from '../errors.ts'
import { writtenObject, type Outcome } from '../outcome.ts'
import { updateObject } from '../storage/update-object.ts'
import { preparePatch } from '../verbs/patch.ts'
import { writeOptions } from '../verbs/write-options.ts'

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
  const { dryRun, fieldValidation } = writeOptions(call, 'UpdateOptions')
  const asked = route.verb === 'patch' ? preparePatch(call, scaleKind, fieldValidation) : asIs(readObject(call, scaleKind, fieldValidation))
  const propose = (old: KubeObject) => proposeScale(old, asked(scaleOf(old) as KubeObject) as unknown as Scale)
  return scaleOutcome(writtenObject(await updateObject(ctx, { resource, ref: route, subresource: 'scale', user: request.user, dryRun, propose })))
}

const asIs = (object: Mutable<KubeObject>) => () => object
const scaleOutcome = (object: KubeObject): Outcome => ({ type: 'object', status: 200, object: scaleOf(object) })

function proposeScale(old: KubeObject, scale: Scale): Mutable<KubeObject> {
  const replicas = scale.spec?.replicas ?? 0
  if (replicas < 0) {
    const message = `Invalid value: ${replicas}: must be greater than or equal to 0`
    throw invalid(scaleKind, scale.metadata.name, [{ type: 'FieldValueInvalid', field: 'spec.replicas', message }])
  }
  const object = mutableCopy(old) as Mutable<KubeObject> & { spec?: { replicas?: number } }
  object.spec = { ...object.spec, replicas }
  if (scale.metadata.resourceVersion) object.metadata.resourceVersion = scale.metadata.resourceVersion
  return object
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
