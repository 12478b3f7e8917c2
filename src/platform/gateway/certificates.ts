import { webcrypto } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Secret } from '../../base/api/generated/types.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'

/** PEM texts. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const dayMs = 24 * 60 * 60 * 1000
const backdateMs = 5 * 60 * 1000
const names = ['localhost', '*.localhost', 'ingress.local']

/** What hosts without a certificate of their own show: self-signed, for a year. */
export const createDefaultCertificate = async (clock: Clock): Promise<Certificate> => {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=Knarr, CN=Knarr Ingress Controller Default Certificate',
    notBefore: new Date(clock.now() - backdateMs),
    notAfter: new Date(clock.now() + 365 * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))],
  })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key.replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n` }
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
