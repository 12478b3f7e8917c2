import { statfsSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import type { NodeCapacity } from '../../node/kubelet/node-config.ts'
import type { LocalNodes } from '../../node/kubelet/start-kubelets.ts'
import { readProfile, type Profile } from './profile.ts'
import { runningNodes } from './profile-nodes.ts'
import type { RoleContext } from './role.ts'

/** The profile's nodes as the agent last read them. Commands write the profile and then tell the agent to read it again. */
export function localNodes({ home, profile: first, paths }: Pick<RoleContext, 'home' | 'profile' | 'paths'>) {
  let profile = first
  return {
    current: (): Profile => profile,
    read: (): void => void (profile = readProfile(home, first.name) ?? profile),
    wanted: (): LocalNodes => wantedNodes(profile, capacityOf(profile, paths.directory)),
  }
}

/** Every virtual node has the capacity of the machine, or of the whole cluster where that is limited, as minikube's and kind's nodes have. */
function capacityOf({ resources }: Profile, directory: string): NodeCapacity {
  const disk = statfsSync(directory)
  return {
    cpu: resources?.cpus ?? cpus().length,
    memoryBytes: resources?.memoryBytes ?? totalmem(),
    pods: 110,
    ephemeralStorageBytes: resources?.diskBytes ?? disk.blocks * disk.bsize,
  }
}

export function wantedNodes(profile: Pick<Profile, 'nodes'>, capacity: NodeCapacity): LocalNodes {
  // A sole node works, too, as minikube's and kind's: it comes without the taint, which is given only when a Node is made.
  const also = profile.nodes.length === 1 ? (['worker'] as const) : []
  return {
    running: runningNodes(profile).map(({ name, address, role }) => ({ name, roles: [role, ...also], internalIP: address, externalIP: address, capacity })),
    stopped: profile.nodes.filter((node) => node.stopped).map((node) => node.name),
  }
}
