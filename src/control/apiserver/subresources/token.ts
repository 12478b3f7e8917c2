import type { Node, Pod, Secret, ServiceAccount } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import { nodes, pods, secrets } from '../../../base/api/kinds.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { FieldFault } from '../../../base/api/resource.ts'
import { nodeNameOf } from '../auth/node/node-authorizer.ts'
import type { TokenSubject } from '../auth/service-account-tokens.ts'
import { readObject } from '../body.ts'
import { createReader, type Call } from '../context.ts'
import { badRequest, conflict, forbidden, invalid, notFound } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import { timestamp } from '../timestamp.ts'
import { writeOptions } from '../verbs/write-options.ts'
import type { SubresourceContext } from './index.ts'

interface TokenSpec {
  readonly audiences?: readonly string[]
  readonly expirationSeconds?: number
  readonly boundObjectRef?: { readonly kind?: string; readonly apiVersion?: string; readonly name?: string; readonly uid?: string }
}

const tokenRequestKind: Kind = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  singular: 'tokenrequest',
  namespaced: true,
  shortNames: [],
  categories: [],
  type: 'authentication/v1.TokenRequest',
}
const defaultSeconds = 3600
const leastSeconds = 600
const mostSeconds = 2 ** 32

/** TokenRequest: a signed token of the account, bound to a Pod, Node or Secret where asked. */
export async function tokenSubresource(ctx: SubresourceContext, call: Call): Promise<Outcome | undefined> {
  const { resource, route } = call
  if (route.verb !== 'create') return undefined
  const { fieldValidation } = writeOptions(call, 'CreateOptions')
  const asked = readObject(call, tokenRequestKind, fieldValidation) as unknown as KubeObject & { spec?: TokenSpec }
  const account = ctx.storage.get(resource, route)?.object as ServiceAccount | undefined
  if (!account) throw notFound(resource.kind, route.name)
  const spec = asked.spec ?? {}
  const expirationSeconds = spec.expirationSeconds ?? defaultSeconds
  const node = nodeNameOf(call.request.user)
  if (node !== undefined) checkNodeToken(ctx, call, { node, reference: spec.boundObjectRef })
  const faults = faultsOf(expirationSeconds)
  if (faults.length) throw invalid(tokenRequestKind, '', faults)
  const audiences = spec.audiences?.length ? spec.audiences : ctx.tokens.audiences
  const { token, expiresMs } = await ctx.tokens.sign({ account, audiences, expirationSeconds, ...boundOf(ctx, call, spec) })
  const object = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: route.name, namespace: route.namespace, creationTimestamp: timestamp(ctx.clock) },
    spec: { audiences, expirationSeconds, boundObjectRef: spec.boundObjectRef ?? null },
    status: { token, expirationTimestamp: timestamp(ctx.clock, expiresMs - ctx.clock.now()) },
  }
  return { type: 'object', status: 201, object }
}

function faultsOf(seconds: number): FieldFault[] {
  const field = 'spec.expirationSeconds'
  if (seconds < leastSeconds)
    return [{ type: 'FieldValueInvalid', field, message: `Invalid value: ${seconds}: may not specify a duration less than 10 minutes` }]
  if (seconds > mostSeconds)
    return [{ type: 'FieldValueInvalid', field, message: `Invalid value: ${seconds}: may not specify a duration larger than 2^32 seconds` }]
  return []
}

/** As NodeRestriction: a kubelet is given tokens of Pods that it runs, and no others. */
function checkNodeToken(
  ctx: SubresourceContext,
  { resource, route }: Call,
  { node, reference }: { node: string; reference: TokenSpec['boundObjectRef'] },
): void {
  const refuse = (why: string) => forbidden(resource.kind, route.name, why)
  if (reference?.kind !== 'Pod' || reference.apiVersion !== 'v1' || !reference.name) throw refuse('node requested token not bound to a pod')
  if (!reference.uid) throw refuse('node requested token with a pod binding without a uid')
  const pod = createReader(ctx.registry, ctx.storage).get(pods, { namespace: route.namespace, name: reference.name })
  if (!pod) throw notFound(pods, reference.name)
  if (pod.metadata.uid !== reference.uid)
    throw refuse(
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record (${pod.metadata.uid}). The object might have been deleted and then recreated`,
    )
  if (pod.spec.nodeName !== node) throw refuse('node requested token bound to a pod scheduled on a different node')
}

function boundOf(ctx: SubresourceContext, { route }: Call, { boundObjectRef: reference }: TokenSpec): Pick<TokenSubject, 'bound'> {
  if (!reference) return {}
  const reader = createReader(ctx.registry, ctx.storage)
  const { namespace } = route
  const name = reference.name ?? ''
  const check = <T extends KubeObject>(kind: Kind, object: T | undefined): T => {
    if (!object) throw notFound(kind, name)
    if (reference.uid && reference.uid !== object.metadata.uid)
      throw conflict(
        kind,
        name,
        `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      )
    return object
  }
  switch (reference.kind) {
    case 'Pod': {
      const pod = check<Pod>(pods, reader.get(pods, { namespace, name }))
      if (pod.spec.serviceAccountName !== route.name)
        throw badRequest(`cannot bind token for serviceaccount "${route.name}" to pod running with different serviceaccount name.`)
      const node = pod.spec.nodeName ? reader.get(nodes, { name: pod.spec.nodeName }) : undefined
      return { bound: { pod, ...(node ? { node } : {}) } }
    }
    case 'Secret':
      return { bound: { secret: check<Secret>(secrets, reader.get(secrets, { namespace, name })) } }
    case 'Node':
      return { bound: { node: check<Node>(nodes, reader.get(nodes, { name })) } }
    default:
      throw badRequest(`cannot bind token to object of type ${reference.apiVersion ?? ''}, Kind=${reference.kind ?? ''}`)
  }
}
