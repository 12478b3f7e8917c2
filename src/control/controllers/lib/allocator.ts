import type { Kind } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { type Cidr, parseCidr } from '../../../base/lib/cidr.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type ControllerContext, machinery } from '../controller.ts'
import { keysOfChange } from './keys.ts'

/** For controllers that give out parts of a range of addresses. */
export interface AllocatorContext<T extends KubeObject> extends ControllerContext {
  readonly all: Informer<T>
  readonly range: Cidr
  /** What was given out, by key: the cache may not show it yet. */
  readonly given: Map<string, string>
}

export interface AllocatorOptions<T extends KubeObject> {
  readonly name: string
  readonly kind: Kind<T>
  readonly cidr: string
  readonly reconcile: (context: AllocatorContext<T>, key: string) => Promise<void>
}

/** Works on one object at a time, so that the choice of what is free and its writing belong together. */
export const startAllocator = <T extends KubeObject>(context: ControllerContext, { name, kind, cidr, reconcile }: AllocatorOptions<T>): Promise<void> => {
  const all = context.informers.of(kind)
  const shared: AllocatorContext<T> = { ...context, all, range: parseCidr(cidr), given: new Map() }
  return startController({
    ...machinery(context),
    name,
    workers: 1,
    sources: [source(all, keysOfChange)],
    reconcile: (key) => reconcile(shared, key),
  })
}
