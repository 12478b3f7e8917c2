import type { Kind } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'

/** Adds or takes away; writes only where that changes something. What is gone is fine. */
export async function setFinalizers<T extends KubeObject>(
  client: Client,
  kind: Kind<T>,
  object: T,
  change: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
): Promise<void> {
  const { namespace, name, finalizers = [], resourceVersion } = object.metadata
  const { add = [], remove = [] } = change
  const next = [...finalizers.filter((one) => !remove.includes(one)), ...add.filter((one) => !finalizers.includes(one))]
  if (next.length === finalizers.length && next.every((one) => finalizers.includes(one))) return
  const patch = { metadata: { resourceVersion, finalizers: next.length > 0 ? next : null } }
  await ignoreGone(client.patch(kind, { namespace, name }, patch, { type: 'merge' }))
}

export async function ignoreGone(done: Promise<unknown>): Promise<void> {
  try {
    await done
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error
  }
}
