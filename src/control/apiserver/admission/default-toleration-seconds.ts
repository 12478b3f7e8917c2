import type { Mutable } from '../../../base/api/object.ts'
import type { Pod } from '../../../base/api/generated/types.ts'
import type { AdmissionPlugin } from './admission.ts'

const tolerationSeconds = 300
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']

/** Pods stay five minutes on a node that is not ready or unreachable, unless they say otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  admit({ operation, resource: { kind }, subresource, object }) {
    if (operation !== 'CREATE' || kind.group !== '' || kind.plural !== 'pods' || subresource) return
    const { spec } = object as unknown as Mutable<Pod>
    const tolerations = spec.tolerations ?? []
    const tolerates = (key: string) => tolerations.some((t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect))
    const added = keys.filter((key) => !tolerates(key)).map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }))
    if (added.length) spec.tolerations = [...tolerations, ...added] as never
  },
}
