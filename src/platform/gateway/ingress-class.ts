import type { Ingress, IngressClass } from '../../base/api/generated/types.ts'

export const ingressClassName = 'knarr'
export const ingressController = 'knarr.dev/ingress-controller'
/** Served as well, until an IngressClass object of this name says who owns it: most manifests in the world name it. */
export const borrowedClassName = 'nginx'

export const legacyClassAnnotation = 'kubernetes.io/ingress.class'
export const defaultClassAnnotation = 'ingressclass.kubernetes.io/is-default-class'

/** The class an Ingress asks for. The field wins over the annotation that came before it. */
export const classNameOf = (ingress: Ingress): string | undefined => ingress.spec.ingressClassName ?? ingress.metadata.annotations?.[legacyClassAnnotation]

/**
 * Whether this controller serves the Ingress. One without a class is nobody's: admission has given it the default class
 * when it was created, if there was one.
 */
export const isServed = (ingress: Ingress, classOf: (name: string) => IngressClass | undefined): boolean => {
  const name = classNameOf(ingress)
  if (!name) return false
  const owner = classOf(name)
  if (owner) return owner.spec.controller === ingressController
  if (name === borrowedClassName) return true
  return name === ingressClassName && ingress.spec.ingressClassName === undefined
}
