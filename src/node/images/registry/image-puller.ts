import type { Agent } from 'undici'
import type { Clock } from '../../../base/lib/clock.ts'
import type { PullOptions } from '../image-store.ts'
import type { Descriptor, OciLayout } from '../oci-layout.ts'
import type { Reference } from '../reference.ts'
import { type Credential, credentialOf, credentialsFor } from './credentials.ts'
import { JoinedTasks } from './joined-tasks.ts'
import { fetchImage } from './pull.ts'
import { type Endpoint, endpointsOf, type Registries } from './registries.ts'
import { RegistryClient } from './registry-client.ts'
import { isUnreachable, PullError } from './registry-error.ts'
import type { ProxySettings } from './proxy-settings.ts'
import { createAgent, type Dial } from './transport.ts'

export interface RegistryAccess {
  /** Read at each pull, so that a change of the file needs no restart. */
  readonly registries: () => Promise<Registries>
  readonly dial: Dial
  readonly proxy: ProxySettings
  readonly clock: Clock
}

type FetchRequest = PullOptions & { readonly reference: Reference; readonly signal: AbortSignal }

/** Tries the places where an image may be, as each user that may have it, until one gives it. */
export class ImagePuller {
  readonly #layout: OciLayout
  readonly #access: RegistryAccess
  readonly #blobs = new JoinedTasks<void>()

  constructor(layout: OciLayout, access: RegistryAccess) {
    this.#layout = layout
    this.#access = access
  }

  async fetch(request: FetchRequest): Promise<Descriptor> {
    const failures: PullError[] = []
    for (const endpoint of endpointsOf(request.reference.name, await this.#access.registries())) {
      const agent = await createAgent({ ...this.#access, tls: endpoint.tls })
      try {
        return await this.#fetchFrom(endpoint, agent, request)
      } catch (error) {
        request.signal.throwIfAborted()
        if (!(error instanceof PullError)) throw error
        failures.push(error)
      } finally {
        await agent.destroy()
      }
    }
    // What a registry said tells more than that another was out of reach; the image's own registry has the last word.
    throw failures.findLast(({ cause }) => !isUnreachable(cause ?? {})) ?? failures.at(-1)!
  }

  async #fetchFrom(endpoint: Endpoint, agent: Agent, { reference, keyring, signal, onProgress }: FetchRequest): Promise<Descriptor> {
    const { clock } = this.#access
    const layout = this.#layout
    const joinBlob = this.#blobs.run.bind(this.#blobs)
    const candidates = credentialsOf(endpoint, reference.name, keyring ?? [])
    for (const [index, credential] of candidates.entries()) {
      const client = new RegistryClient({ endpoint, agent, credential, actions: 'pull' })
      try {
        return await fetchImage({ client, layout, reference, clock, signal, joinBlob, onProgress })
      } catch (error) {
        if (!(error instanceof PullError && error.isRefusal) || index === candidates.length - 1) throw error
      }
    }
    throw new Error('there is always one candidate')
  }
}

/** What an image's users gave is for its own registry; a mirror gets only what the configuration names for it. */
export function credentialsOf(endpoint: Endpoint, name: string, keyring: NonNullable<PullOptions['keyring']>): (Credential | undefined)[] {
  const configured = endpoint.auth
    ? credentialOf({ ...endpoint.auth, ...(endpoint.auth.identity_token ? { identitytoken: endpoint.auth.identity_token } : {}) })
    : undefined
  const own = endpoint.mirrorOf === undefined ? credentialsFor(name, keyring) : []
  const all = [...own, ...(configured ? [configured] : [])]
  return all.length > 0 ? all : [undefined]
}
