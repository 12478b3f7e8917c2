import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { deployments, jobs, namespaces, persistentVolumeClaims, statefulSets } from '../../../base/api/kinds.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Client } from '../../../base/client/client.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { applyObject, kindOf } from '../../cluster/apply.ts'
import { UserError } from '../../cluster/errors.ts'
import { waitFor } from '../../cluster/lifecycle.ts'

/** A sample service: a folder of `examples`, the image `NAME:dev`, the namespace NAME. */
export interface SampleService {
  readonly name: string
  readonly folder: string
  readonly manifests: readonly KubeObject[]
}

const ofDemo = { 'app.kubernetes.io/managed-by': 'knarr-demo' }

export function readServices(examples: string): readonly SampleService[] {
  return ['tasks', 'activity', 'web']
    .map((name) => ({ name, folder: join(examples, name) }))
    .filter(({ folder }) => existsSync(join(folder, 'manifests')))
    .map((service) => {
      if (!existsSync(join(service.folder, 'dist', 'server.js'))) throw new UserError(`${service.folder} is not built. Run: npm run build`)
      return { ...service, manifests: readManifests(join(service.folder, 'manifests')) }
    })
}

/** The objects of one kind that the service brings. */
export const namesOf = ({ name, manifests }: SampleService, kind: string): readonly Named[] =>
  manifests.filter((object) => object.kind === kind).map(({ metadata }) => ({ namespace: metadata.namespace ?? name, name: metadata.name }))

const readManifests = (folder: string): readonly KubeObject[] =>
  readdirSync(folder)
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as KubeObject))

/** Applies what the service needs. Its namespace is marked as the demo's: one of somebody else is left alone. */
export async function apply(client: Client, { name, manifests }: SampleService): Promise<void> {
  const known = await find(client, name)
  if (known && known.metadata.labels?.['app.kubernetes.io/managed-by'] !== 'knarr-demo')
    throw new UserError(`the namespace ${name} is there already, and not of a demo. Run: knarr demo --profile demo`)
  for (const object of manifests) {
    const isNamespace = object.kind === 'Namespace'
    const labels = { ...object.metadata.labels, ...ofDemo }
    await applyObject(client, kindOf(object), isNamespace ? { ...object, metadata: { ...object.metadata, labels } } : object)
  }
}

/** The namespaces that a demo made. */
export const demoNamespaces = async (client: Client): Promise<readonly string[]> =>
  (await client.list(namespaces, { labelSelector: 'app.kubernetes.io/managed-by=knarr-demo' })).items.map(({ metadata }) => metadata.name)

const find = (client: Client, name: string) =>
  client.get(namespaces, { name }).catch((error: unknown) => {
    if (isStatusError(error, 'NotFound')) return undefined
    throw error
  })

/** An object of a namespace. */
export interface Named {
  readonly namespace: string
  readonly name: string
}

export interface Waiter {
  readonly client: Client
  readonly signal: AbortSignal
}

/** `waitFor` that ends early when the demo is stopped. */
export async function until({ signal }: Pick<Waiter, 'signal'>, condition: () => Promise<boolean>, failure: string): Promise<void> {
  await waitFor(async () => signal.aborted || (await condition()), failure, 60_000)
  signal.throwIfAborted()
}

/** A StatefulSet of one Pod on one claim. */
export async function databaseReady(waiter: Waiter, { namespace, name }: Named): Promise<string> {
  const { client } = waiter
  let fact = ''
  const isReady = async () => {
    const { spec, status, metadata } = await client.get(statefulSets, { namespace, name })
    if (status.observedGeneration !== metadata.generation || (status.readyReplicas ?? 0) < (spec.replicas ?? 1)) return false
    const claim = await client.get(persistentVolumeClaims, { namespace, name: `${spec.volumeClaimTemplates?.[0]?.metadata.name}-${name}-0` })
    fact = `StatefulSet 1/1, claim ${claim.metadata.name} ${claim.status.phase} (${claim.status.capacity?.['storage'] ?? '?'})`
    return true
  }
  await until(waiter, isReady, `the StatefulSet ${name} did not become ready; see: kubectl -n ${namespace} describe pod ${name}-0`)
  return fact
}

export async function complete(waiter: Waiter, { namespace, name }: Named): Promise<string> {
  const isComplete = async () => ((await waiter.client.get(jobs, { namespace, name })).status.succeeded ?? 0) > 0
  await until(waiter, isComplete, `the Job ${name} did not complete; see: kubectl -n ${namespace} logs job/${name}`)
  return `Job ${name} complete`
}

export async function rolledOut(waiter: Waiter, { namespace, name }: Named): Promise<string> {
  let replicas = ''
  const isRolledOut = async () => {
    const { spec, status, metadata } = await waiter.client.get(deployments, { namespace, name })
    const wanted = spec.replicas ?? 1
    replicas = `${status.readyReplicas ?? 0}/${wanted}`
    const counts = [status.replicas, status.updatedReplicas, status.availableReplicas].map((count) => count ?? 0)
    return status.observedGeneration === metadata.generation && counts.every((count) => count === wanted)
  }
  await until(waiter, isRolledOut, `the Deployment ${name} did not become available; see: kubectl -n ${namespace} describe pods`)
  return `Deployment ${replicas}`
}
