import { spawnSync } from 'node:child_process'
import { UserError } from './errors.ts'

/** Refuses in one line when this machine, or this user, cannot run real Pods. */
export function requireRightsForPods(command: string): void {
  const orSimulated = '    or without real Pods: knarr up --runtime simulated'
  if (process.platform !== 'linux')
    throw new UserError(`real Pods need Linux (this is ${process.platform}). Run without real Pods: knarr up --runtime simulated`)
  for (const tool of ['ip', 'unshare', 'nsenter', 'setpriv'])
    if (!hasTool(tool)) throw new UserError(`Pods need the program ${tool}. Run: apt-get install -y util-linux iproute2${orSimulated}`)
  const probe = spawnSync('unshare', ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', 'true'], { encoding: 'utf8' })
  if (probe.status !== 0) throw new UserError(`Pods need network namespaces, and this user may not create them. Run: sudo ${command}${orSimulated}`)
}

export const hasTool = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0
