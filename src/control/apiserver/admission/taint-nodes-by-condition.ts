import type { Mutable } from '../../../base/api/object.ts'
import type { Node } from '../../../base/api/generated/types.ts'
import type { AdmissionPlugin } from './admission.ts'

const key = 'node.kubernetes.io/not-ready'
const effect = 'NoSchedule'

/** A new node takes no Pods before its first Ready condition. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  admit({ operation, resource: { kind }, subresource, object }) {
    if (operation !== 'CREATE' || kind.group !== '' || kind.plural !== 'nodes' || subresource) return
    const node = object as unknown as Mutable<Node>
    const spec = (node.spec ??= {} as Mutable<Node>['spec'])
    if (spec.taints?.some((taint) => taint.key === key && taint.effect === effect)) return
    spec.taints = [...(spec.taints ?? []), { key, effect } as NonNullable<typeof spec.taints>[number]]
  },
}
