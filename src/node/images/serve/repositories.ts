import { matches, nameIn } from '../image-records.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import type { Descriptor } from '../oci-layout.ts'
import { parseReference } from '../reference.ts'
import { DistributionError } from './distribution-error.ts'

const repositoryForm = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const tagForm = /^\w[\w.-]{0,127}$/

/** How the repositories of the served registry are named in the store: `app` is `localhost:5001/app` there, as Pods name it. */
export class Repositories {
  readonly host: string
  readonly #store: LocalImageStore

  constructor(store: LocalImageStore, host: string) {
    this.#store = store
    this.host = host
  }

  check(repository: string): void {
    if (repository.length > 255 || !repositoryForm.test(repository)) throw new DistributionError('NAME_INVALID', { name: repository })
  }

  /** The name that a push gives. */
  ownName(repository: string, reference: string): string {
    if (!reference.startsWith('sha256:') && !tagForm.test(reference)) throw new DistributionError('MANIFEST_INVALID', `invalid tag ${reference}`)
    return `${this.host}/${repository}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`
  }

  /** Also images of other registries are served, by their full names or to who asks for one as a mirror of it. */
  find(repository: string, reference: string, mirrorOf: string | undefined): Descriptor | undefined {
    const index = this.#store.layout.index()
    const separator = reference.startsWith('sha256:') ? '@' : ':'
    for (const name of this.#namesOf(repository, mirrorOf)) {
      const found = index.find((descriptor) => matches(descriptor, `${name}${separator}${reference}`))
      if (found) return found
    }
    return undefined
  }

  #namesOf(repository: string, mirrorOf: string | undefined): string[] {
    if (mirrorOf !== undefined) return [`${mirrorOf}/${repository}`]
    return [`${this.host}/${repository}`, ...(repository.split('/')[0]!.includes('.') ? [repository] : [])]
  }

  tags(repository: string): string[] {
    const names = this.#namesOf(repository, undefined)
    const found = this.#store.layout.index().flatMap((descriptor) => {
      const { name, tag } = parsed(descriptor)
      return names.includes(name) && tag !== undefined ? [tag] : []
    })
    if (found.length === 0 && !this.all().includes(repository)) throw new DistributionError('NAME_UNKNOWN', { name: repository })
    return found.sort()
  }

  all(): string[] {
    const names = this.#store.layout.index().flatMap((descriptor) => {
      const { name } = parsed(descriptor)
      const own = name.startsWith(`${this.host}/`) ? name.slice(this.host.length + 1) : name
      return repositoryForm.test(own) ? [own] : []
    })
    return [...new Set(names)].sort()
  }

  /** By tag the tag alone; by digest all that stands for it in this repository. */
  async remove(repository: string, reference: string): Promise<void> {
    const own = `${this.host}/${repository}`
    const isMeant = (descriptor: Descriptor) => {
      const { name, tag } = parsed(descriptor)
      return name === own && (reference.startsWith('sha256:') ? descriptor.digest === reference : tag === reference)
    }
    if (!this.#store.layout.index().some(isMeant)) throw new DistributionError('MANIFEST_UNKNOWN', { name: repository, reference })
    await this.#store.forget(isMeant)
  }
}

const parsed = (descriptor: Descriptor): { readonly name: string; readonly tag?: string } =>
  nameIn(descriptor) === '' ? { name: '' } : parseReference(nameIn(descriptor))
