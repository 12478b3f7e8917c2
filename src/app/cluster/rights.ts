import { spawnSync } from 'node:child_process'
import { UserError } from './errors.ts'

/** Names the first program that is missing; one process for all, as this is part of every start. */
const tryNamespaces = `
for tool; do command -v "$tool" >/dev/null || { echo "$tool"; exit 1; }; done
exec unshare --net --mount --pid --uts --ipc --fork true 2>/dev/null
`

/** Refuses in one line when this machine, or this user, cannot run real Pods. */
export function requireRightsForPods(command: string): void {
  const orSimulated = '    or without real Pods: knarr up --runtime simulated'
  if (process.platform !== 'linux')
    throw new UserError(`real Pods need Linux (this is ${process.platform}). Run without real Pods: knarr up --runtime simulated`)
  const probe = spawnSync('sh', ['-c', tryNamespaces, 'sh', 'ip', 'unshare', 'nsenter', 'setpriv'], { encoding: 'utf8' })
  const missing = probe.stdout.trim()
  if (missing) throw new UserError(`Pods need the program ${missing}. Run: apt-get install -y util-linux iproute2${orSimulated}`)
  if (probe.status !== 0) throw new UserError(`Pods need network namespaces, and this user may not create them. Run: sudo ${command}${orSimulated}`)
}

export const hasTool = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0
