import { configMaps, secrets, services } from '../../base/api/kinds.ts'
import type { Kind } from '../../base/api/kind.ts'
import { keyOf, type KubeObject } from '../../base/api/object.ts'
import type { ConfigMap, Secret, Service } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import type { References } from './environment.ts'

interface SharedOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** A ConfigMap or Secret changed that somebody asked for. */
  readonly onChange: (kind: 'ConfigMap' | 'Secret', key: string) => void
}

/** What Pods refer to, watched once for all nodes of the agent and only from the first Pod on that asks. */
export class SharedReferences {
  readonly #options: SharedOptions
  #configMaps: Informer<ConfigMap> | undefined
  #secrets: Informer<Secret> | undefined
  #services: Informer<Service> | undefined

  constructor(options: SharedOptions) {
    this.#options = options
  }

  /** As one node sees them: what the watch does not show yet is asked for under the node's own name. */
  forNode(client: Client): References {
    return {
      configMap: (namespace, name) => this.#find(client, configMaps, (this.#configMaps ??= this.#watch(configMaps, 'ConfigMap')), namespace, name),
      secret: (namespace, name) => this.#find(client, secrets, (this.#secrets ??= this.#watch(secrets, 'Secret')), namespace, name),
    }
  }

  async services(): Promise<readonly Service[]> {
    this.#services ??= createInformer(this.#options.client, services, this.#options)
    await this.#services.synced
    return this.#services.list()
  }

  async #find<T extends KubeObject>(client: Client, kind: Kind<T>, informer: Informer<T>, namespace: string, name: string): Promise<T | undefined> {
    const known = informer.get(`${namespace}/${name}`)
    if (known) return known
    try {
      return await client.get(kind, { namespace, name })
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined
      throw error
    }
  }

  #watch<T extends KubeObject>(kind: Kind<T>, word: 'ConfigMap' | 'Secret'): Informer<T> {
    const informer = createInformer(this.#options.client, kind, this.#options)
    informer.onChange(({ old, object }) => {
      const changed = object ?? old
      if (changed) this.#options.onChange(word, keyOf(changed))
    })
    return informer
  }
}
