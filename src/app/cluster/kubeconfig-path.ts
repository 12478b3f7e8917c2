import { join } from 'node:path'

/** The file that kubectl writes to: the first of `$KUBECONFIG`, or `~/.kube/config`. */
export function kubeconfigPath(environment: NodeJS.ProcessEnv): string {
  const first = (environment['KUBECONFIG'] ?? '').split(':').find((path) => path !== '')
  return first ?? join(environment['HOME'] ?? '/', '.kube', 'config')
}
