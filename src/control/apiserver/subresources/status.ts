import type { KubeObject, Mutable } from '../../../base/api/object.ts'
import { fieldSubresource } from './field-subresource.ts'

/** Only the status changes; nodes and Pods let their agents set labels and annotations with it, as upstream does. */
const handler = fieldSubresource((to, from) => {
  const [target, source] = [to as Mutable<KubeObject> & { status?: unknown }, from as KubeObject & { status?: unknown }]
  if (source.status === undefined) delete target.status
  else target.status = source.status
  if (from.kind !== 'Node' && from.kind !== 'Pod') return
  for (const field of ['labels', 'annotations'] as const) {
    const value = from.metadata[field]
    if (value) to.metadata[field] = value
    else delete to.metadata[field]
  }
})

export const statusSubresource: typeof handler = handler
