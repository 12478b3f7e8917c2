import type { SandboxConfig } from '../runtime.ts'

/** Joins a Pod's network namespace to the cluster's network. Both verbs are safe to repeat. */
export interface PodNetwork {
  /** `netnsPid` is a process whose `/proc/PID/ns/net` is the Pod's; its `lo` is up. */
  attach(sandbox: { readonly id: string; readonly config: SandboxConfig; readonly netnsPid: number }): Promise<{ readonly ip: string }>
  detach(sandboxId: string): Promise<void>
}

/** Pods with a loopback interface only, and no address. */
export const loopbackOnly: PodNetwork = { attach: async () => ({ ip: '' }), detach: async () => {} }
