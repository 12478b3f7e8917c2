import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Part, PartProcess } from '../../node/kubelet/static-pods/part.ts'
import { identify } from '../../node/runtime/process/process-identity.ts'
import { layoutOf } from './layout.ts'
import { readPki } from './pki.ts'
import type { Profile, ProfilePaths } from './profile.ts'

interface PartsOptions {
  readonly profile: Profile
  readonly paths: ProfilePaths
  readonly version: string
}

/**
 * The processes of the cluster, as `kubectl get pods -n kube-system` shows them on the control plane's node: one Pod for each process
 * there is, none for parts that share one.
 */
export function clusterParts(options: PartsOptions): Part[] {
  const { profile, paths } = options
  const { gatewayIP, controlPlane } = layoutOf(profile)
  // One connection for all checks: a handshake every time would be most of what they cost.
  const connection = new Agent({ keepAlive: true, maxSockets: 1 })
  const isHealthy = (signal: AbortSignal) => isReady(paths, connection, signal)
  const server = part(options, { role: 'server', name: 'kube-apiserver', isHealthy })
  if (profile.runtime === 'simulated') return [server]
  return [
    server,
    part(options, { role: 'agent', name: 'knarr-agent', isHealthy: (signal) => answers(controlPlane.address, layoutOf(profile).agentApiPort, signal) }),
    part(options, { role: 'platform', name: 'knarr-platform', isHealthy: (signal) => answers(gatewayIP, 80, signal) }),
  ]
}

function part({ profile, paths, version }: PartsOptions, { role, name, isHealthy }: Pick<Part, 'name' | 'isHealthy'> & { role: string }): Part {
  return {
    name,
    isHealthy,
    node: layoutOf(profile).controlPlane.name,
    image: `knarr:${version}`,
    command: ['knarr', 'internal', role],
    labels: { component: name, tier: 'control-plane' },
    logFile: join(paths.logs, `${role}.log`),
    process: () => processOf(join(paths.run, `${role}.pid`)),
  }
}

const ticksPerSecond = 100

function processOf(pidFile: string): PartProcess | undefined {
  try {
    const found = identify(Number(readFileSync(pidFile, 'utf8')))
    const bootSeconds = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]
    if (!found || !bootSeconds) return undefined
    return { id: `${found.pid}-${found.startTicks}`, startedAtMs: (Number(bootSeconds) + found.startTicks / ticksPerSecond) * 1000 }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const isReady = ({ serverSocket, pki }: ProfilePaths, agent: Agent, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const options = { socketPath: serverSocket, path: '/readyz', servername: 'kubernetes', ca: readPki(pki).serverCA, agent, signal }
    const sent = request(options, (answer) => resolve(answer.resume().statusCode === 200))
    sent.once('error', reject).end()
  })

const answers = (host: string, port: number, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal }, () => (socket.destroy(), resolve(true)))
    socket.once('error', reject)
  })
