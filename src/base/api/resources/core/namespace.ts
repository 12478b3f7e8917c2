import type { Namespace } from '../../generated/types.ts'
import { namespaces } from '../../kinds.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defineResource } from '../define-resource.ts'

export const namespace = defineResource<Namespace>({
  kind: namespaces,
  subresources: ['status', 'finalize'],
  nameRule: 'dns1123label',
  firstStatus: { phase: 'Active' },
  defaults(object) {
    if (object.metadata.name) object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name }
  },
  prepareCreate(object) {
    object.spec ??= {}
    const finalizers = object.spec.finalizers ?? []
    object.spec.finalizers = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes']
  },
  prepareUpdate(object, old) {
    // Only the finalize subresource takes these away.
    object.spec = { ...object.spec, ...(old.spec?.finalizers ? { finalizers: [...old.spec.finalizers] } : {}) }
  },
  columns: [nameColumn, column('Status', (object) => object.status?.phase ?? '', { description: 'Whether it is in use or going away.' }), ageColumn],
})
