import { kinds } from '../../base/api/kinds.ts'
import { apiVersionOf, type Kind } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { UserError } from './errors.ts'

/** The kind that a manifest names. */
export function kindOf(object: KubeObject): Kind {
  const kind = kinds.find((candidate) => candidate.kind === object.kind && apiVersionOf(candidate) === object.apiVersion)
  if (!kind) throw new UserError(`no kind ${object.kind} in ${object.apiVersion} is served`)
  return kind
}

/** Creates an object, or patches it (strategic merge) to what the manifest says; answers it as stored. */
export async function applyObject(client: Client, kind: Kind, object: KubeObject): Promise<KubeObject> {
  try {
    return await client.create(kind, object)
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error
    return client.patch(kind, { namespace: object.metadata.namespace, name: object.metadata.name }, object, { type: 'strategic' })
  }
}
