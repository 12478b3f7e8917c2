import { failureStatus, joinExec } from '../streaming/exec-session.ts'
import type { Kubelets } from '../start-kubelets.ts'
import { findContainer, RequestError, runningContainer } from './pod-request.ts'
import { acceptChannels, execWants, type UpgradeRequest } from './serve-exec.ts'

/** `/attach/{namespace}/{pod}/{container}`: the streams of the container's own process. Whoever leaves, the container goes on. */
export const serveAttach = async (options: {
  kubelets: Kubelets
  segments: readonly string[]
  query: URLSearchParams
  upgrade: UpgradeRequest
}): Promise<void> => {
  const found = await findContainer(options.kubelets, options.segments)
  const container = runningContainer(found)
  const wants = execWants(options.query)
  if (!wants.stdin && !wants.stdout && !wants.stderr) throw new RequestError(400, 'you must specify at least 1 of stdin, stdout, stderr')
  const channels = await acceptChannels(options.upgrade, wants)
  try {
    const { detach, ended, ...streams } = await found.kubelet.context.runtime.attach(container.id, { stdin: wants.stdin })
    await joinExec({ ...streams, kill: detach, exited: ended.then(() => 0) }, channels, [])
  } catch (error) {
    await channels.finish(failureStatus((error as Error).message))
  }
}
