import type { Mutable } from '../../../base/api/object.ts'
import type { Ingress } from '../../../base/api/generated/types.ts'
import { ingressClasses } from '../../../base/api/kinds.ts'
import type { Reader } from '../context.ts'
import type { AdmissionPlugin } from './admission.ts'

const marker = 'ingressclass.kubernetes.io/is-default-class'
const legacyAnnotation = 'kubernetes.io/ingress.class'

/** An Ingress without a class gets the default one; of several, the newest. */
export const defaultIngressClass = (reader: Reader): AdmissionPlugin => ({
  name: 'DefaultIngressClass',
  admit({ operation, resource: { kind }, subresource, object }) {
    if (operation !== 'CREATE' || kind.plural !== 'ingresses' || kind.group !== 'networking.k8s.io' || subresource) return
    const ingress = object as unknown as Mutable<Ingress>
    if (ingress.spec?.ingressClassName || ingress.metadata.annotations?.[legacyAnnotation] !== undefined) return
    const newest = reader
      .list(ingressClasses)
      .filter((found) => found.metadata.annotations?.[marker] === 'true')
      .sort((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) || a.metadata.name.localeCompare(b.metadata.name))[0]
    if (newest) (ingress.spec ??= {} as Mutable<Ingress>['spec']).ingressClassName = newest.metadata.name
  },
})
