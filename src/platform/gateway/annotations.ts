import type { Ingress } from '../../base/api/generated/types.ts'
import { borrowedClassName, classNameOf } from './ingress-class.ts'

/** What an Ingress says beyond its spec, in the annotations that ingress-nginx made common. */
export interface IngressSettings {
  /** `tls`: plain HTTP is redirected where the Ingress names a certificate for the host. */
  readonly redirectToHttps: 'never' | 'tls' | 'always'
  readonly backendProtocol: 'http' | 'https'
  /** Paths are regular expressions, but for Exact ones. */
  readonly pathsAreRegex: boolean
  /** The path sent on instead; `$1` and so on are groups of the path's expression. */
  readonly rewriteTarget: string | undefined
}

const prefix = 'nginx.ingress.kubernetes.io/'

export const settingsOf = (ingress: Ingress): IngressSettings => {
  const value = (name: string): string | undefined => ingress.metadata.annotations?.[prefix + name]
  const rewriteTarget = value('rewrite-target') || undefined
  return {
    redirectToHttps: redirectOf(ingress, value),
    backendProtocol: value('backend-protocol')?.toUpperCase() === 'HTTPS' ? 'https' : 'http',
    pathsAreRegex: value('use-regex') === 'true' || rewriteTarget !== undefined,
    rewriteTarget,
  }
}

const redirectOf = (ingress: Ingress, value: (name: string) => string | undefined): IngressSettings['redirectToHttps'] => {
  if (value('force-ssl-redirect') === 'true') return 'always'
  // ingress-nginx redirects a host with a certificate unless told otherwise; our own class leaves plain HTTP alone unless asked.
  const fallback = classNameOf(ingress) === borrowedClassName ? 'true' : 'false'
  return (value('ssl-redirect') ?? fallback) === 'true' ? 'tls' : 'never'
}
