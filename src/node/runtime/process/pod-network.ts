import type { SandboxConfig } from '../runtime.ts'
import { runScript } from './shell.ts'

/** Joins a Pod's network namespace to the cluster's network. Both verbs are safe to repeat. */
export interface PodNetwork {
  /** `netnsPid` is a process whose `/proc/PID/ns/net` is the Pod's. Brings its `lo` up, too. */
  attach(sandbox: { readonly id: string; readonly config: SandboxConfig; readonly netnsPid: number }): Promise<{ readonly ip: string }>
  detach(sandboxId: string): Promise<void>
  /** A sandbox that an earlier runtime attached and that runs on: nobody else gets its address. */
  adopt(sandbox: { readonly id: string; readonly config: SandboxConfig; readonly ip: string }): void
}

/** Pods with a loopback interface only, and no address. */
export const loopbackOnly: PodNetwork = {
  async attach({ netnsPid }) {
    await runScript(`nsenter --net=/proc/${netnsPid}/ns/net ip link set lo up`)
    return { ip: '' }
  },
  detach: async () => {},
  adopt: () => {},
}
