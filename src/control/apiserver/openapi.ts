import { createHash } from 'node:crypto'
import { loadDescriptions } from '../../base/api/descriptions.ts'
import type { Kind } from '../../base/api/kind.ts'
import { encodeSwagger } from '../../base/machinery/openapi-protobuf.ts'
import { swaggerFor } from '../../base/machinery/openapi-v2.ts'
import { openApiFor, type OpenApiOptions } from '../../base/machinery/openapi.ts'
import { notAcceptable } from './errors.ts'
import type { VersionInfo } from './health.ts'
import type { Registry } from './registry.ts'
import type { ApiRequest, ApiResponse } from './request.ts'
import { bindingKind, reviewKinds } from './reviews/index.ts'

const protobufAsked = /^application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf$/
const protobufAnswered = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
const jsonAsked = /^(\*\/\*|application\/(\*|json))$/

/** What is posted and never stored. */
const postedKinds: readonly Kind[] = [...reviewKinds, bindingKind]

type Form = 'json' | 'protobuf'

/** `/openapi/v2`, `/openapi/v3` and its documents: built on first use, then kept. */
export class OpenApi {
  readonly #registry: Registry
  readonly #version: VersionInfo
  readonly #documents = new Map<string, Promise<string | Uint8Array>>()

  constructor(registry: Registry, version: VersionInfo) {
    this.#registry = registry
    this.#version = version
  }

  async answer({ path, headers }: ApiRequest): Promise<ApiResponse | undefined> {
    if (path === '/openapi/v2') return this.#second(headers['accept'])
    if (path === '/openapi/v3' || path === '/openapi/v3/') return { status: 200, body: { paths: this.#paths() } }
    const match = /^\/openapi\/v3\/(?:api\/(?<core>v\d\w*)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))$/.exec(path)?.groups
    if (!match) return undefined
    const [group, version] = match['core'] ? ['', match['core']] : [match['group']!, match['version']!]
    const kinds = this.#kinds().filter((kind) => kind.group === group && kind.version === version)
    if (kinds.length === 0) return undefined
    const body = await this.#kept(`${group}/${version}`, kinds, (of, options) => JSON.stringify(openApiFor(of, options)))
    return { status: 200, headers: { 'content-type': 'application/json' }, body }
  }

  async #second(accept: string | undefined): Promise<ApiResponse> {
    const form = formAsked(accept)
    if (!form) throw notAcceptable(['application/json', protobufAnswered])
    const body = await this.#kept(form, this.#kinds(), (kinds, options) => {
      const swagger = swaggerFor(kinds, options)
      return form === 'json' ? JSON.stringify(swagger) : encodeSwagger(swagger)
    })
    return { status: 200, headers: { 'content-type': form === 'json' ? 'application/json' : protobufAnswered, vary: 'Accept' }, body }
  }

  /** The hash only has to change when the kinds do: the documents themselves are not built for it. */
  #paths(): Record<string, { serverRelativeURL: string }> {
    const places = new Map<string, string[]>()
    for (const kind of this.#kinds()) {
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

  #kinds(): Kind[] {
    return [...this.#registry.all().map(({ kind }) => kind), ...postedKinds]
  }

  #kept(name: string, kinds: readonly Kind[], build: Build): Promise<string | Uint8Array> {
    const key = `${name} ${kinds.map(({ group, version, plural }) => `${group}/${version}/${plural}`).join(' ')}`
    let document = this.#documents.get(key)
    if (!document) this.#documents.set(key, (document = this.#build(kinds, build)))
    return document
  }

  async #build(kinds: readonly Kind[], build: Build): Promise<string | Uint8Array> {
    const posted = new Set(postedKinds)
    return build(kinds, {
      descriptions: await loadDescriptions(),
      subresources: (kind) => this.#registry.find(kind)?.subresources ?? [],
      isPosted: (kind) => posted.has(kind),
      version: this.#version.gitVersion,
    })
  }
}

type Build = (kinds: readonly Kind[], options: OpenApiOptions) => string | Uint8Array

/** The first form of the Accept header that there is. */
function formAsked(accept = '*/*'): Form | undefined {
  const ranges = accept.split(',').map((clause) => clause.split(';')[0]!.trim())
  const first = ranges.find((range) => protobufAsked.test(range) || jsonAsked.test(range))
  return first === undefined ? undefined : protobufAsked.test(first) ? 'protobuf' : 'json'
}
