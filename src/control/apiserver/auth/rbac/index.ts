import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../../base/api/kinds.ts'
import type { Registry } from '../../registry.ts'
import type { ObjectStorage } from '../../storage/object-storage.ts'
import { createNodeAuthorizer } from '../node/index.ts'
import { RbacAuthorizer, type RbacOptions } from './rbac-authorizer.ts'

export interface CreateRbacOptions extends Omit<RbacOptions, 'nodes'> {
  readonly registry: Registry
  readonly storage: ObjectStorage
}

/** The authorizer over the stored roles and bindings; a change of one counts from the moment that it is stored. */
export function createRbac({ registry, storage, ...options }: CreateRbacOptions): RbacAuthorizer {
  const authorizer = new RbacAuthorizer({ ...options, nodes: createNodeAuthorizer({ registry, storage, reader: options.reader }) })
  for (const kind of [roles, clusterRoles, roleBindings, clusterRoleBindings]) {
    const resource = registry.find(kind)
    if (resource) storage.watch(resource, {}, storage.revision, () => authorizer.invalidate())
  }
  return authorizer
}
