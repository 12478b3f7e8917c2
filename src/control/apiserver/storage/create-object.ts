import { randomBytes, randomUUID } from 'node:crypto'
import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'
import type { Attributes } from '../admission/admission.ts'
import type { ServerContext } from '../context.ts'
import { alreadyExists, badRequest, invalid, noUniqueName } from '../errors.ts'
import type { Written } from '../outcome.ts'
import type { UserInfo } from '../request.ts'
import { timestamp } from '../timestamp.ts'
import { ownCreated, type FieldManager } from './field-ownership.ts'
import { typeMetaOf } from './object-storage.ts'
import { withHooks } from './write-hook.ts'

export interface CreateRequest {
  readonly resource: Resource
  /** The caller's own: it is filled in and becomes the stored object. */
  readonly object: Mutable<KubeObject>
  readonly namespace: string
  readonly manager: FieldManager
  readonly user: UserInfo
  readonly dryRun: boolean
  /** Runs after defaulting, before admission. */
  readonly prepare?: (object: Mutable<KubeObject>) => void
}

/** Upstream's names.SimpleNameGenerator: no vowels, none of 0, 1, 3. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789'
const maxGeneratedBase = 58
const generateAttempts = 8

export const randomSuffix = (length = 5): string => [...randomBytes(length)].map((byte) => nameAlphabet[byte % nameAlphabet.length]).join('')

/** Default, admit, validate and store a new object. */
export async function createObject(ctx: ServerContext, request: CreateRequest): Promise<Written> {
  const { resource, object } = request
  placeInNamespace(request)
  const generateName = object.metadata.name ? undefined : object.metadata.generateName
  // Named before anything looks at it: defaults, admission and strategy see the name; another one only after a collision.
  if (generateName) object.metadata.name = generate(generateName)
  resource.defaults?.(object)
  request.prepare?.(object)
  ownCreated(ctx, request, object)
  const attributes: Attributes = {
    operation: 'CREATE',
    resource,
    subresource: '',
    namespace: request.namespace,
    name: generateName ? '' : (object.metadata.name ?? ''),
    object,
    user: request.user,
    dryRun: request.dryRun,
  }
  await ctx.admission.admit(attributes)
  stampNew(ctx, object)
  resource.prepareCreate(object)
  for (let attempt = 1; ; attempt++) {
    validateNew(resource, object)
    await ctx.admission.validate(attributes)
    const written = await store(ctx, request)
    if (written) return written
    if (!generateName) throw alreadyExists(resource.kind, object.metadata.name)
    if (attempt === generateAttempts) throw noUniqueName(resource.kind, object.metadata.name)
    object.metadata.name = generate(generateName)
  }
}

const generate = (base: string): string => base.slice(0, maxGeneratedBase) + randomSuffix()

function placeInNamespace({ resource, object, namespace }: CreateRequest): void {
  const { metadata } = object
  if (!resource.kind.namespaced) delete metadata.namespace
  else if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  } else metadata.namespace = namespace
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
}

function stampNew(ctx: ServerContext, { metadata }: Mutable<KubeObject>): void {
  const loose = metadata as Record<string, unknown>
  for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation', 'resourceVersion']) delete loose[field]
  metadata.uid = randomUUID()
  metadata.creationTimestamp = timestamp(ctx.clock)
}

function validateNew(resource: Resource, object: Mutable<KubeObject>): void {
  if (!object.metadata.name) {
    throw invalid(resource.kind, '', [{ type: 'FieldValueRequired', field: 'metadata.name', message: 'Required value: name or generateName is required' }])
  }
  const faults = resource.validate(object as KubeObject)
  if (faults.length) throw invalid(resource.kind, object.metadata.name, faults)
}

async function store(ctx: ServerContext, { resource, object, dryRun }: CreateRequest): Promise<Written | undefined> {
  if (ctx.storage.get(resource, object.metadata)) return undefined
  return withHooks<Written>(ctx.hooks, { resource, object, dryRun }, async () => {
    if (dryRun) return { object: { ...mutableCopy(object), ...typeMetaOf(resource.kind) } as KubeObject }
    const item = await ctx.storage.put(resource, object as KubeObject, 0)
    return item && { item }
  })
}
