import type { Call, NodeEndpoint, ServerContext } from '../context.ts'
import type { ServiceAccountTokens } from '../auth/service-account-tokens.ts'
import type { Outcome } from '../outcome.ts'
import { bindingSubresource } from './binding.ts'
import { ephemeralContainersSubresource } from './ephemeral-containers.ts'
import { evictionSubresource } from './eviction.ts'
import { finalizeSubresource } from './finalize.ts'
import { relaySubresource } from './relay.ts'
import { scaleSubresource } from './scale.ts'
import { statusSubresource } from './status.ts'
import { tokenSubresource } from './token.ts'

export interface SubresourceContext extends ServerContext {
  readonly tokens: ServiceAccountTokens
  readonly nodeDialer: (nodeName: string) => NodeEndpoint | undefined
}

/** Undefined: the verb is not served on this subresource. */
export type SubresourceHandler = (ctx: SubresourceContext, call: Call) => Promise<Outcome | undefined>

export const subresourceHandlers: Readonly<Record<string, SubresourceHandler>> = {
  status: statusSubresource,
  scale: scaleSubresource,
  binding: bindingSubresource,
  eviction: evictionSubresource,
  token: tokenSubresource,
  finalize: finalizeSubresource,
  ephemeralcontainers: ephemeralContainersSubresource,
  log: relaySubresource,
  exec: relaySubresource,
  attach: relaySubresource,
  portforward: relaySubresource,
}
