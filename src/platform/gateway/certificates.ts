import { createSecureContext, type SecureContext } from 'node:tls'
import type { Secret } from '../../base/api/generated/types.ts'
import type { Log } from '../../base/lib/log.ts'

/** PEM texts. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Certificates out of Secrets, parsed once for each version. */
export class CertificateCache {
  readonly #contexts = new Map<string, { readonly version: string; readonly context: SecureContext | undefined }>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Nothing for a Secret without a usable pair: the default certificate is then shown, as ingress-nginx does. */
  contextOf(key: string, secret: Secret | undefined): SecureContext | undefined {
    if (!secret) return undefined
    const version = `${secret.metadata.uid} ${secret.metadata.resourceVersion}`
    const known = this.#contexts.get(key)
    if (known?.version === version) return known.context
    const context = this.#parse(key, secret)
    this.#contexts.set(key, { version, context })
    return context
  }

  #parse(key: string, secret: Secret): SecureContext | undefined {
    const part = (name: string): Buffer => Buffer.from(secret.data?.[name] ?? '', 'base64')
    try {
      if (!secret.data?.['tls.crt'] || !secret.data['tls.key']) throw new Error('it has no tls.crt or no tls.key')
      return createSecureContext({ cert: part('tls.crt'), key: part('tls.key') })
    } catch (error) {
      this.#log.warn({ secret: key, error: (error as Error).message }, 'the Secret holds no usable certificate; the default one is shown')
      return undefined
    }
  }
}
