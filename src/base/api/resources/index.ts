// Every kind that is served, with all that is known of it.
import { kinds } from '../kinds.ts'
import { defineResource, type Resource } from '../resource.ts'

export const resources: readonly Resource[] = kinds.map((kind) => defineResource({ kind }))
