import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { namespaces, persistentVolumes } from '../../../base/api/kinds.ts'
import type { Client } from '../../../base/client/client.ts'
import type { LocalImageStore } from '../../../node/images/local-image-store.ts'
import { listProfiles, profilePaths, readProfile } from '../../cluster/profile.ts'
import { removeCluster, removeHome, waitFor } from '../../cluster/lifecycle.ts'
import { demoNamespaces } from './system.ts'

interface Made {
  readonly cluster: boolean
  readonly images: readonly string[]
  /** Namespaces of an earlier demo; absent until they were looked for, which is before anything is deployed. */
  readonly spared?: readonly string[]
}

/**
 * What a demo has to take away again. It is written beside the profile before anything is made, so that a demo that was killed leaves word to
 * the next one of this profile.
 */
export class Leftovers {
  readonly #home: string
  readonly #profile: string
  #made: Made

  constructor(home: string, profile: string) {
    this.#home = home
    this.#profile = profile
    this.#made = this.#read() ?? { cluster: readProfile(home, profile) === undefined, images: [] }
    this.#write()
  }

  get cluster(): boolean {
    return this.#made.cluster
  }

  /** What an earlier demo left running is the user's: no end of this one takes it away. */
  async spare(client: Client): Promise<void> {
    if (this.#made.spared) return
    this.#made = { ...this.#made, spared: await demoNamespaces(client) }
    this.#write()
  }

  addImages(names: readonly string[]): void {
    this.#made = { ...this.#made, images: [...new Set([...this.#made.images, ...names])] }
    this.#write()
  }

  /** From now on all of it is the user's. */
  forget(): void {
    rmSync(this.#file, { force: true })
  }

  /** A client only where the cluster came up; `images` only where they were built. */
  async remove({ client, images }: { client?: Client | undefined; images?: LocalImageStore | undefined }): Promise<void> {
    const profile = readProfile(this.#home, this.#profile)
    if (this.#made.cluster) {
      if (profile) await removeCluster(this.#home, profile)
      rmSync(profilePaths(this.#home, this.#profile).directory, { recursive: true, force: true })
    } else if (client) await removeNamespaces(client, this.#made.spared ?? [])
    if (this.#made.cluster && listProfiles(this.#home).length === 0) removeHome(this.#home)
    else for (const name of this.#made.images) await images?.remove(name)
    this.forget()
  }

  get #file(): string {
    return join(profilePaths(this.#home, this.#profile).directory, 'demo.json')
  }

  #read(): Made | undefined {
    return existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, 'utf8')) as Made) : undefined
  }

  #write(): void {
    mkdirSync(profilePaths(this.#home, this.#profile).directory, { recursive: true, mode: 0o700 })
    writeFileSync(this.#file, JSON.stringify(this.#made))
  }
}

/** Also waits for the volumes, which go after the claims. */
async function removeNamespaces(client: Client, spared: readonly string[]): Promise<void> {
  const made = async () => (await demoNamespaces(client)).filter((name) => !spared.includes(name))
  const names = await made()
  for (const name of names) await client.delete(namespaces, { name })
  const areGone = async () => {
    const { items } = await client.list(persistentVolumes)
    return (await made()).length === 0 && !items.some(({ spec }) => names.includes(spec.claimRef?.namespace ?? ''))
  }
  await waitFor(areGone, `the namespaces ${names.join(', ')} do not go away; see: kubectl get ns,pv`, 60_000)
}
