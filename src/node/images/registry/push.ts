import { createReadStream, readFileSync } from 'node:fs'
import { credentialsOf } from './image-puller.ts'
import type { Keyring } from './credentials.ts'
import { hostBaseAnnotation } from '../image-config.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import { parseReference } from '../reference.ts'
import { endpointsOf } from './registries.ts'
import { refusal, type RegistryAnswer, RegistryClient } from './registry-client.ts'
import { PullError } from './registry-error.ts'
import { createAgent } from './transport.ts'

export interface PushOptions {
  readonly keyring: Keyring
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** Sends an image to the registry that its name says (no mirror of it); of an index, what runs here. Gives its digest there. */
export async function pushImage(store: LocalImageStore, reference: string, options: PushOptions): Promise<string> {
  const found = store.find(reference)
  if (!found) throw new Error(`there is no image ${reference} (knarr image ls)`)
  const { digest, manifest } = store.records.manifest(found.descriptor.digest)
  if (manifest.annotations?.[hostBaseAnnotation]) throw new Error(`${reference} stands on this machine's own files: no other machine could run it`)
  const { name, tag = 'latest' } = parseReference(reference)
  const endpoint = endpointsOf(name, await store.access.registries()).at(-1)!
  const agent = await createAgent({ ...store.access, tls: endpoint.tls })
  const failures: Error[] = []
  try {
    for (const credential of credentialsOf(endpoint, name, options.keyring)) {
      const client = new RegistryClient({ endpoint, agent, credential, actions: 'pull,push' })
      try {
        for (const blob of [...manifest.layers, manifest.config]) await pushBlob(store, client, { ...blob, ...options })
        await pushManifest(store, client, { digest, tag, ...options })
        return digest
      } catch (error) {
        if (!(error instanceof PullError && error.isRefusal)) throw error
        failures.push(error)
      }
    }
    throw failures.at(-1)!
  } finally {
    await agent.destroy()
  }
}

async function pushBlob(store: LocalImageStore, client: RegistryClient, blob: PushOptions & { digest: string; size: number }): Promise<void> {
  const { digest, size, signal, log } = blob
  const there = await client.send({ method: 'HEAD', path: `blobs/${digest}`, signal })
  await there.body.dump()
  if (there.statusCode === 200) return log(`${digest.slice(7, 19)} is there`)
  const begun = await expectStatus(client, await client.send({ method: 'POST', path: 'blobs/uploads/', signal }), {
    status: 202,
    method: 'POST',
    path: 'blobs/uploads/',
  })
  const location = new URL(String(begun.headers['location']), `${client.endpoint.url}/v2/${client.endpoint.repository}/blobs/uploads/`)
  await begun.body.dump()
  location.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) }
  const body = () => createReadStream(store.layout.blobPath(digest))
  const sent = await expectStatus(client, await client.send({ method: 'PUT', path: location.href, headers, body, signal }), {
    status: 201,
    method: 'PUT',
    path: `blobs/${digest}`,
  })
  await sent.body.dump()
  log(`${digest.slice(7, 19)} is sent`)
}

async function pushManifest(
  store: LocalImageStore,
  client: RegistryClient,
  { digest, tag, signal }: PushOptions & { digest: string; tag: string },
): Promise<void> {
  const path = `manifests/${tag}`
  const headers = { 'content-type': store.layout.describe(digest).mediaType }
  const answer = await client.send({ method: 'PUT', path, headers, body: () => readFileSync(store.layout.blobPath(digest)), signal })
  await (await expectStatus(client, answer, { status: 201, method: 'PUT', path })).body.dump()
}

async function expectStatus(
  { endpoint }: RegistryClient,
  answer: RegistryAnswer,
  wanted: { status: number; method: string; path: string },
): Promise<RegistryAnswer> {
  if (answer.statusCode === wanted.status) return answer
  throw await refusal(answer, {
    what: `${endpoint.repository}: ${wanted.path}`,
    method: wanted.method,
    url: `${endpoint.url}/v2/${endpoint.repository}/${wanted.path}`,
  })
}
