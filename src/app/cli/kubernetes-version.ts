import { UserError } from '../cluster/errors.ts'

/** Accepts every way to say 1.36 that minikube knows; any other version is refused in one line. */
export function checkKubernetesVersion(asked: string): string {
  if (/^(stable|latest|v?1\.36(\.\d+)?(-[\w.]+)?)$/.test(asked)) return asked
  const minor = /^v?(\d+\.\d+)/.exec(asked)?.[1] ?? asked
  throw new UserError(`only Kubernetes 1.36 is served (asked for ${asked}); manifests for ${minor} mostly work, see docs/differences.md`)
}
