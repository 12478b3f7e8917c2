import { nodes as nodeKind, pods } from '../../base/api/kinds.ts'
import type { Pod } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import { silentLog } from '../../base/lib/log.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { setUpProfileNetwork } from '../../node/network/profile-network.ts'
import { tellAgent } from './agent-control.ts'
import { UserError } from './errors.ts'
import { clientOf, ensureCertificates } from './identities.ts'
import { isNodeReady, lockOf, networkOf, waitFor } from './lifecycle.ts'
import { isUp } from './supervisor.ts'
import { withLock } from './lock.ts'
import { contextName } from './names.ts'
import { profilePaths, readProfile, writeProfile, type Profile, type ProfileNode } from './profile.ts'
import { nextWorker } from './profile-nodes.ts'

/** A running cluster whose nodes are to change. */
interface Cluster {
  readonly home: string
  readonly profile: Profile
  readonly client: Client
}

/** Pulls the plug of a node. False: it was out already. */
export const stopNode = (home: string, profileName: string, name: string): Promise<boolean> =>
  change(home, profileName, async (cluster) => {
    const node = workerOf(cluster.profile, name, 'stopped')
    if (node.stopped) return false
    await put(cluster, replaced(cluster.profile, { ...node, stopped: true }))
    return true
  })

/** Puts it in again and waits until the node is Ready. False: it was running. */
export const startNode = (home: string, profileName: string, name: string): Promise<boolean> =>
  change(home, profileName, async (cluster) => {
    const node = nodeOf(cluster.profile, name)
    if (!node.stopped) return false
    await put(cluster, replaced(cluster.profile, { ...node, stopped: false }))
    await waitUntilReady(cluster, name)
    return true
  })

/** A new worker, Ready when this resolves. */
export const addNode = (home: string, profileName: string, name?: string): Promise<ProfileNode> =>
  change(home, profileName, async (cluster) => {
    const { profile } = cluster
    if (profile.nodes.some((node) => node.name === name)) throw new UserError(`there is a node ${name} already in cluster ${contextName(profile)}`)
    const node = nextWorker(profile, name)
    if (!node) throw new UserError(`cluster ${contextName(profile)} has no address left for another node`)
    await put(cluster, { ...profile, nodes: [...profile.nodes, node] })
    await waitUntilReady(cluster, node.name)
    return node
  })

/** Moves the node's Pods away, as `minikube node delete` does, then removes it and its Node object. Answers how many Pods it had. */
export const deleteNode = (home: string, profileName: string, name: string): Promise<number> =>
  change(home, profileName, async (cluster) => {
    const { profile, client } = cluster
    const node = workerOf(profile, name, 'deleted')
    const count = await emptyNode(client, node)
    await put(cluster, { ...profile, nodes: profile.nodes.filter((one) => one !== node) })
    await client.delete(nodeKind, { name }).catch(unlessGone)
    for (const pod of await podsOf(client, name)) await deletePod(client, pod, 0)
    return count
  })

const change = <T>(home: string, profileName: string, act: (cluster: Cluster) => Promise<T>): Promise<T> =>
  withLock(lockOf(home, profileName), async () => {
    const profile = readProfile(home, profileName)
    if (!profile) throw new UserError(`there is no cluster knarr-${profileName}. Run: knarr up --profile ${profileName}`)
    if (!isUp(home, profile)) throw new UserError(`cluster ${contextName(profile)} is down. Run: knarr up --profile ${profile.name}`)
    return act({ home, profile, client: clientOf(profilePaths(home, profileName), 'admin') })
  })

/** Writes the profile first: whatever dies after that, the next agent and the next `up` make it so. */
async function put({ home }: Cluster, profile: Profile): Promise<void> {
  const paths = profilePaths(home, profile.name)
  await ensureCertificates(paths, profile)
  writeProfile(home, profile)
  if (profile.runtime === 'process') await setUpProfileNetwork({ ...networkOf(profile), log: silentLog })
  await tellAgent(paths.agentSocket, profile.name)
}

const waitUntilReady = ({ client, profile }: Cluster, name: string): Promise<void> =>
  waitFor(async () => isNodeReady(await client.get(nodeKind, { name })), `node ${name} did not become Ready; see: knarr logs --profile ${profile.name}`)

const replaced = (profile: Profile, node: ProfileNode): Profile => ({
  ...profile,
  nodes: profile.nodes.map((one) => (one.name === node.name ? node : one)),
})

export function nodeOf(profile: Profile, name: string): ProfileNode {
  const node = profile.nodes.find((one) => one.name === name)
  if (!node) throw new UserError(`there is no node ${name} in cluster ${contextName(profile)}; its nodes: ${profile.nodes.map((one) => one.name).join(', ')}`)
  return node
}

function workerOf(profile: Profile, name: string, done: 'stopped' | 'deleted'): ProfileNode {
  const node = nodeOf(profile, name)
  const instead = done === 'stopped' ? 'knarr down' : 'knarr delete'
  if (node.role === 'control-plane')
    throw new UserError(`${name} carries the API of cluster ${contextName(profile)} and cannot be ${done} alone. Run: ${instead} --profile ${profile.name}`)
  return node
}

const podsOf = async (client: Client, node: string): Promise<readonly Pod[]> => (await client.list(pods, { fieldSelector: `spec.nodeName=${node}` })).items

/** One second of grace, as minikube gives. A DaemonSet would only make its Pods again: they go with the node. */
async function emptyNode(client: Client, { name, stopped }: ProfileNode): Promise<number> {
  await client.patch(nodeKind, { name }, { spec: { unschedulable: true } }, { type: 'merge' }).catch(unlessGone)
  const all = await podsOf(client, name)
  const isOfDaemonSet = ({ metadata }: Pod) => (metadata.ownerReferences ?? []).some((owner) => owner.controller && owner.kind === 'DaemonSet')
  const leaving = all.filter((pod) => !isOfDaemonSet(pod))
  for (const pod of leaving) await deletePod(client, pod, stopped ? 0 : 1)
  const uids = new Set(leaving.map((pod) => pod.metadata.uid))
  const areGone = async () => !(await podsOf(client, name)).some((pod) => uids.has(pod.metadata.uid))
  await waitFor(areGone, `the Pods of node ${name} did not end; see: kubectl get pods -A -o wide`)
  return all.length
}

const deletePod = async (client: Client, { metadata }: Pod, gracePeriodSeconds: number): Promise<void> => {
  await client.delete(pods, metadata, { gracePeriodSeconds, preconditions: { uid: metadata.uid } }).catch(unlessGone)
}

function unlessGone(error: unknown): undefined {
  if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error
}
