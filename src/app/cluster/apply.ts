import { kinds } from '../../base/api/kinds.ts'
import { apiVersionOf } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { UserError } from './errors.ts'

/** Creates an object, or patches it (strategic merge) to what the manifest says. */
export async function applyObject(client: Client, object: KubeObject): Promise<void> {
  const kind = kinds.find((candidate) => candidate.kind === object.kind && apiVersionOf(candidate) === object.apiVersion)
  if (!kind) throw new UserError(`no kind ${object.kind} in ${object.apiVersion} is served`)
  try {
    await client.create(kind, object)
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error
    await client.patch(kind, { namespace: object.metadata.namespace, name: object.metadata.name }, object, { type: 'strategic' })
  }
}
