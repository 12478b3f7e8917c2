import { apiVersionOf } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'
import { encodeProtobufMessage, protobufEnvelope, watchFrame } from '../../../base/machinery/protobuf-encode.ts'

type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** Where the stored bytes' metadata begin: every stored value starts so (see `encodeStored`). */
const storedHead = '{"metadata":{'

/**
 * One object at one revision. Stored bytes carry no kind, apiVersion and resourceVersion, so the served encoding is a small
 * head before the stored tail: `{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7",` + `"name":"x",…}`.
 */
export class Item {
  readonly resource: Resource
  readonly key: string
  readonly revision: number
  readonly value: Uint8Array
  #object: KubeObject | undefined
  #encoded: Uint8Array | undefined
  #message: Uint8Array | undefined
  readonly #lines: Partial<Record<WatchType, Uint8Array>> = {}
  readonly #frames: Partial<Record<WatchType, Uint8Array>> = {}

  constructor(resource: Resource, stored: { readonly key: string; readonly revision: number; readonly value: Uint8Array }, object?: KubeObject) {
    this.resource = resource
    this.key = stored.key
    this.revision = stored.revision
    this.value = stored.value
    this.#object = object
  }

  /** Shared and read-only. */
  get object(): KubeObject {
    return (this.#object ??= JSON.parse(Buffer.from(this.encoded).toString()) as KubeObject)
  }

  /** The JSON that clients get; made once. */
  get encoded(): Uint8Array {
    return (this.#encoded ??= Buffer.concat(this.pieces()))
  }

  /** The event's line for watchers, shared by all of them. */
  watchLine(type: WatchType): Uint8Array {
    return (this.#lines[type] ??= Buffer.concat([Buffer.from(`{"type":"${type}","object":`), ...this.pieces(), Buffer.from('}\n')]))
  }

  /** The protobuf message without its envelope, made once. Only for kinds that have one (`hasProtobuf`). */
  get message(): Uint8Array {
    return (this.#message ??= encodeProtobufMessage(this.resource.kind.type, this.object))
  }

  get envelope(): Uint8Array {
    const { kind } = this.resource
    return protobufEnvelope({ apiVersion: apiVersionOf(kind), kind: kind.kind }, [this.message])
  }

  /** The event's protobuf frame, shared by all watchers. */
  watchFrame(type: WatchType): Uint8Array {
    return (this.#frames[type] ??= watchFrame(type, this.envelope))
  }

  /** The encoding in parts, without a copy: for what is sent once. */
  pieces(): Uint8Array[] {
    if (this.#encoded) return [this.#encoded]
    const { kind } = this.resource
    const head = `{"kind":"${kind.kind}","apiVersion":"${apiVersionOf(kind)}","metadata":{"resourceVersion":"${this.revision}",`
    return [Buffer.from(head), this.value.subarray(storedHead.length)]
  }
}

/** Makes a shared object refuse changes, for tests. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const child of Object.values(value)) deepFreeze(child)
  return Object.freeze(value)
}

/** The stored form of an object. Its metadata are never empty: there is a name. */
export function encodeStored(object: KubeObject): Uint8Array {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object as KubeObject & Record<string, unknown>
  const { resourceVersion: _resourceVersion, ...meta } = metadata
  return Buffer.from(JSON.stringify({ metadata: meta, ...rest }))
}
