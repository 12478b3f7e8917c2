import type { Profile } from './profile.ts'

/** The profile's name on the machine: kubeconfig context, network namespace and cgroup. */
export const contextName = (profile: Pick<Profile, 'name'>): string => `knarr-${profile.name}`
