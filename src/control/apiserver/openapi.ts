import { createHash } from 'node:crypto'
import type { Kind } from '../../base/api/kind.ts'
import type { Resource } from '../../base/api/resource.ts'
import { openApiFor } from '../../base/machinery/openapi.ts'
import type { VersionInfo } from './health.ts'
import type { Registry } from './registry.ts'
import type { ApiRequest, ApiResponse } from './request.ts'

/** `/openapi/v3` and its documents: built on first use, then kept. */
export class OpenApi {
  readonly #registry: Registry
  readonly #version: VersionInfo
  readonly #documents = new Map<string, string>()

  constructor(registry: Registry, version: VersionInfo) {
    this.#registry = registry
    this.#version = version
  }

  answer({ path }: ApiRequest): ApiResponse | undefined {
    if (path === '/openapi/v3' || path === '/openapi/v3/') return { status: 200, body: { paths: this.#paths() } }
    const match = /^\/openapi\/v3\/(?:api\/(?<core>v\d\w*)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))$/.exec(path)?.groups
    if (!match) return undefined
    const [group, version] = match['core'] ? ['', match['core']] : [match['group']!, match['version']!]
    const body = this.#document(group, version)
    return body === undefined ? undefined : { status: 200, headers: { 'content-type': 'application/json' }, body }
  }

  /** The hash only has to change when the kinds do: the documents themselves are not built for it. */
  #paths(): Record<string, { serverRelativeURL: string }> {
    const places = new Map<string, string[]>()
    for (const { kind } of this.#registry.all()) {
      const place = kind.group ? `apis/${kind.group}/${kind.version}` : `api/${kind.version}`
      places.set(place, [...(places.get(place) ?? []), kind.plural])
    }
    const hash = (plurals: string[]) =>
      createHash('sha256')
        .update(`${this.#version.gitVersion} ${plurals.join(' ')}`)
        .digest('hex')
        .slice(0, 32)
        .toUpperCase()
    return Object.fromEntries([...places].map(([place, plurals]) => [place, { serverRelativeURL: `/openapi/v3/${place}?hash=${hash(plurals)}` }]))
  }

  #document(group: string, version: string): string | undefined {
    const resources = this.#registry.all().filter(({ kind }) => kind.group === group && kind.version === version)
    if (resources.length === 0) return undefined
    const key = `${group}/${version} ${resources.map(({ kind }) => kind.plural).join(' ')}`
    let document = this.#documents.get(key)
    if (!document) this.#documents.set(key, (document = this.#build(resources)))
    return document
  }

  #build(resources: readonly Resource[]): string {
    const subresources = new Map(resources.map(({ kind, subresources: below }) => [kind, below]))
    const options = { subresources: (kind: Kind) => subresources.get(kind) ?? [], version: this.#version.gitVersion }
    return JSON.stringify(openApiFor([...subresources.keys()], options))
  }
}
