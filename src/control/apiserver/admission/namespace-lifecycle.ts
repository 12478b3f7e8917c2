import { namespaces } from '../../../base/api/kinds.ts'
import type { Reader } from '../context.ts'
import { forbidden, notFound } from '../errors.ts'
import { StatusError } from '../../../base/machinery/status-error.ts'
import type { AdmissionPlugin } from './admission.ts'

const immortal = new Set(['default', 'kube-system', 'kube-public'])

/** Nothing is created in a namespace that is absent or ends; the first three namespaces stay. */
export const namespaceLifecycle = (reader: Reader): AdmissionPlugin => ({
  name: 'NamespaceLifecycle',
  admit({ operation, resource, namespace, name, object }) {
    const { kind } = resource
    if (operation === 'DELETE' && kind.group === '' && kind.plural === 'namespaces' && immortal.has(name))
      throw forbidden(kind, name, 'this namespace may not be deleted')
    if (!namespace || !kind.namespaced || operation !== 'CREATE') return
    const found = reader.get(namespaces, { name: namespace })
    if (!found) throw notFound(namespaces, namespace)
    if (found.metadata.deletionTimestamp === undefined && found.status?.phase !== 'Terminating') return
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`
    const refusal = forbidden(kind, name || (object?.metadata.generateName ?? ''), why)
    throw new StatusError('Forbidden', refusal.message, {
      ...refusal.details,
      causes: [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }] as never,
    })
  },
})
