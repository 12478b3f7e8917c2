import type { Kind } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Resource } from '../../base/api/resource.ts'
import type { ObjectRef } from '../../base/client/client.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { AdmissionChain } from './admission/admission.ts'
import type { Registry } from './registry.ts'
import type { ApiRequest } from './request.ts'
import type { Route } from './route.ts'
import type { ObjectStorage } from './storage/object-storage.ts'
import type { WriteHook } from './storage/write-hook.ts'

/** Where an injected dialer finds a node's kubelet endpoint. */
export interface NodeEndpoint {
  readonly socketPath: string
}

/** What the verbs stand on. */
export interface ServerContext {
  readonly storage: ObjectStorage
  readonly registry: Registry
  readonly admission: AdmissionChain
  /** What is done around the writes of some kinds (addresses of Services). */
  readonly hooks: readonly WriteHook[]
  readonly clock: Clock
  readonly log: Log
}

/** One request on one resource. */
export interface Call {
  readonly request: ApiRequest
  readonly route: Route
  readonly resource: Resource
  /** Shown to the client as Warning headers. */
  readonly warnings: string[]
}

/** Reads without a request: for admission and authentication. */
export interface Reader {
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): T | undefined
  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): readonly T[]
}

export const createReader = (registry: Registry, storage: ObjectStorage): Reader => ({
  get: <T extends KubeObject>(kind: Kind<T>, ref: ObjectRef) => {
    const resource = registry.find(kind)
    return resource && (storage.get(resource, ref)?.object as T | undefined)
  },
  list: <T extends KubeObject>(kind: Kind<T>, namespace?: string) => {
    const resource = registry.find(kind)
    return resource ? storage.list(resource, namespace).items.map((item) => item.object as T) : []
  },
})
