import type { KubeObject, Mutable } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'
import type { UserInfo } from '../request.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** What is asked for, after decoding and defaulting and before validation. */
export interface Attributes {
  readonly operation: Operation
  readonly resource: Resource
  readonly subresource: string
  readonly namespace: string
  /** Empty for a creation by generateName. */
  readonly name: string
  /** Mutating plugins may change it. Absent for a deletion. */
  readonly object?: Mutable<KubeObject>
  readonly old?: KubeObject
  readonly user: UserInfo
  readonly dryRun: boolean
}

/** `admit` may change the object, `validate` may not; both refuse by throwing a StatusError. */
export interface AdmissionPlugin {
  readonly name: string
  admit?(attributes: Attributes): void | Promise<void>
  validate?(attributes: Attributes): void | Promise<void>
}

export class AdmissionChain {
  readonly plugins: readonly AdmissionPlugin[]

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.plugins = plugins
  }

  async admit(attributes: Attributes): Promise<void> {
    for (const plugin of this.plugins) await plugin.admit?.(attributes)
  }

  async validate(attributes: Attributes): Promise<void> {
    for (const plugin of this.plugins) await plugin.validate?.(attributes)
  }
}
