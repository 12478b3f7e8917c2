import type { Kind } from '../../base/api/kind.ts'
import type { Resource } from '../../base/api/resource.ts'

/** The resources that are served, by their place in paths. May grow and shrink while the server runs. */
export class Registry {
  readonly #byPath = new Map<string, Resource>()

  constructor(resources: readonly Resource[]) {
    for (const resource of resources) this.add(resource)
  }

  add(resource: Resource): void {
    this.#byPath.set(pathOf(resource.kind), resource)
  }

  remove(kind: Kind): void {
    this.#byPath.delete(pathOf(kind))
  }

  find(place: Pick<Kind, 'group' | 'version' | 'plural'>): Resource | undefined {
    return this.#byPath.get(pathOf(place))
  }

  /** In the order of discovery. */
  all(): Resource[] {
    return [...this.#byPath.values()]
  }
}

const pathOf = ({ group, version, plural }: Pick<Kind, 'group' | 'version' | 'plural'>): string => `${group}/${version}/${plural}`
