import type { Pod } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import type { FieldFault } from '../../../base/api/resource.ts'
import { notSupported, required } from '../../../base/api/resources/field.ts'
import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import { readObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { badRequest, conflict, invalid } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import { updateObject } from '../storage/update-object.ts'
import { timestamp } from '../timestamp.ts'
import { writeOptions } from '../verbs/write-options.ts'

type Binding = KubeObject & { readonly target?: { readonly kind?: string; readonly name?: string } }

export const bindingKind: Kind = {
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  singular: 'binding',
  namespaced: true,
  shortNames: [],
  categories: [],
  type: 'core/v1.Binding',
}

/** Assigns a Pod to a node: the scheduler's one write. */
export async function bindingSubresource(ctx: ServerContext, call: Call): Promise<Outcome | undefined> {
  const { resource, route, request } = call
  if (route.verb !== 'create') return undefined
  const { dryRun, fieldValidation, manager } = writeOptions(call, 'CreateOptions')
  const binding = readObject(call, bindingKind, fieldValidation) as unknown as Binding
  const name = route.name || binding.metadata.name
  if (!name || (binding.metadata.name && binding.metadata.name !== name)) throw badRequest('name in URL does not match name in Binding object')
  const faults = validateTarget(binding.target)
  if (faults.length) throw invalid(bindingKind, name, faults)
  const propose = (old: KubeObject) => bind(ctx, mutableCopy(old) as unknown as Mutable<Pod>, binding)
  await updateObject(ctx, { resource, ref: { namespace: route.namespace, name }, subresource: 'binding', manager, user: request.user, dryRun, propose })
  return { type: 'object', status: 201, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } }
}

const validateTarget = ({ kind, name }: NonNullable<Binding['target']> = {}): FieldFault[] => [
  ...(kind && kind !== 'Node' ? [notSupported('target.kind', kind, ['Node', '<empty>'])] : []),
  ...(name ? [] : [required('target.name')]),
]

function bind(ctx: ServerContext, pod: Mutable<Pod>, binding: Binding): Mutable<KubeObject> {
  const { name } = pod.metadata
  const refuse = (why: string) => conflict({ group: '', plural: 'pods/binding' }, name, why)
  const { uid } = binding.metadata as Partial<KubeObject['metadata']>
  if (uid && uid !== pod.metadata.uid) throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`)
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
  if (pod.spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`)
  if (pod.spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)
  pod.spec.nodeName = binding.target!.name!
  const { annotations, labels } = binding.metadata
  if (annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations }
  if (labels) pod.metadata.labels = { ...pod.metadata.labels, ...labels }
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled')
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(ctx.clock) }
  // What preemption promised is kept, or was not needed.
  const { nominatedNodeName: _promise, ...status } = pod.status ?? {}
  pod.status = { ...status, conditions: [...others, scheduled] } as unknown as Mutable<Pod>['status']
  return pod as unknown as Mutable<KubeObject>
}
