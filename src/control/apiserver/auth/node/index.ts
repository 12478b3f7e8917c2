import { pods } from '../../../../base/api/kinds.ts'
import type { Reader } from '../../context.ts'
import type { Registry } from '../../registry.ts'
import type { ObjectStorage } from '../../storage/object-storage.ts'
import { NodeAuthorizer } from './node-authorizer.ts'
import { NodePods } from './node-pods.ts'

export interface CreateNodeAuthorizerOptions {
  readonly registry: Registry
  readonly storage: ObjectStorage
  readonly reader: Reader
}

/** The authorizer over the stored Pods: a binding counts from the moment that it is stored. */
export function createNodeAuthorizer({ registry, storage, reader }: CreateNodeAuthorizerOptions): NodeAuthorizer {
  const nodePods = new NodePods(reader)
  const resource = registry.find(pods)
  if (resource) storage.watch(resource, {}, storage.revision, ({ key }) => nodePods.changed(key.split('/').slice(-2).join('/')))
  return new NodeAuthorizer({ reader, pods: nodePods })
}
