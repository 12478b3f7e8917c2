import { createPublicKey, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, importPKCS8, importSPKI, jwtVerify, SignJWT, type CryptoKey, type JWK } from 'jose'
import type { Node, Pod, Secret, ServiceAccount } from '../../../base/api/generated/types.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import { nodes, pods, secrets, serviceAccounts } from '../../../base/api/kinds.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Reader } from '../context.ts'
import { unauthorized } from '../errors.ts'
import { Lru } from '../lru.ts'
import { authenticatedGroup, type Authenticator, type Credentials, type TokenAuthenticator, type VerifiedToken } from './authenticator.ts'

export interface ServiceAccountKeys {
  /** PKCS 8, P-256. */
  readonly privateKeyPem: string
  /** SPKI; taken from the private key when absent. */
  readonly publicKeyPem?: string
}

export interface TokenOptions {
  readonly issuer: string
  readonly keys: ServiceAccountKeys
  /** Of the API server; default: the issuer. */
  readonly audiences?: readonly string[]
  readonly reader: Reader
  readonly clock: Clock
}

export interface TokenSubject {
  readonly account: ServiceAccount
  readonly audiences?: readonly string[]
  readonly expirationSeconds: number
  readonly bound?: { readonly pod?: Pod; readonly node?: Node; readonly secret?: Secret }
}

interface Reference {
  readonly name: string
  readonly uid: string
}

interface KubernetesClaim {
  readonly namespace: string
  readonly serviceaccount: Reference
  readonly pod?: Reference
  readonly node?: Reference
  readonly secret?: Reference
}

interface Claims {
  readonly iss?: string
  readonly sub?: string
  readonly aud?: string | string[]
  readonly exp?: number
  readonly jti?: string
  readonly 'kubernetes.io'?: KubernetesClaim
}

const algorithm = 'ES256'
const cachedTokens = 1000
const extraPrefix = 'authentication.kubernetes.io'

/** Signs and verifies the JWTs of ServiceAccounts, with upstream's claims. */
export class ServiceAccountTokens implements TokenAuthenticator, Authenticator {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly #reader: Reader
  readonly #clock: Clock
  readonly #privatePem: string
  readonly #publicPem: string
  /** Tokens whose signature was right: the rest is checked on every use. */
  readonly #verified = new Lru<string, Claims>(cachedTokens)
  #keys: Promise<{ privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK }> | undefined

  constructor({ issuer, keys, audiences, reader, clock }: TokenOptions) {
    this.issuer = issuer
    this.audiences = audiences ?? [issuer]
    this.#reader = reader
    this.#clock = clock
    this.#privatePem = keys.privateKeyPem
    this.#publicPem = keys.publicKeyPem ?? createPublicKey(keys.privateKeyPem).export({ type: 'spki', format: 'pem' }).toString()
  }

  async sign({ account, audiences, expirationSeconds, bound = {} }: TokenSubject): Promise<{ token: string; expiresMs: number }> {
    const { namespace = '', name, uid } = account.metadata
    const { privateKey, jwk } = await this.#loadKeys()
    const nowSeconds = Math.floor(this.#clock.now() / 1000)
    const claim: KubernetesClaim = {
      namespace,
      ...(bound.node ? { node: referenceOf(bound.node) } : {}),
      ...(bound.pod ? { pod: referenceOf(bound.pod) } : {}),
      ...(bound.secret ? { secret: referenceOf(bound.secret) } : {}),
      serviceaccount: { name, uid },
    }
    const token = await new SignJWT({ 'kubernetes.io': claim })
      .setProtectedHeader({ alg: algorithm, kid: jwk.kid! })
      .setIssuer(this.issuer)
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .setAudience([...(audiences?.length ? audiences : this.audiences)])
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(nowSeconds + expirationSeconds)
      .setJti(randomUUID())
      .sign(privateKey)
    return { token, expiresMs: (nowSeconds + expirationSeconds) * 1000 }
  }

  async verify(token: string, audiences = this.audiences): Promise<VerifiedToken | undefined> {
    const claims = this.#verified.get(token) ?? (await this.#checkSignature(token))
    if (!claims || (claims.exp ?? 0) * 1000 <= this.#clock.now()) return undefined
    const shared = [claims.aud ?? []].flat().filter((audience) => audiences.includes(audience))
    if (shared.length === 0 || !this.#standsStill(claims)) return undefined
    return { user: userOf(claims), audiences: shared }
  }

  async authenticate({ headers }: Credentials) {
    const token = /^bearer\s+(.+)$/i.exec(headers['authorization'] ?? '')?.[1]
    if (!token) return undefined
    const verified = await this.verify(token.trim())
    if (!verified) throw unauthorized()
    return verified.user
  }

  /** The public keys, for others that verify our tokens. */
  async jwks(): Promise<{ keys: JWK[] }> {
    return { keys: [(await this.#loadKeys()).jwk] }
  }

  async #checkSignature(token: string): Promise<Claims | undefined> {
    try {
      if (decodeJwt(token).iss !== this.issuer) return undefined
      const { publicKey } = await this.#loadKeys()
      const { payload } = await jwtVerify(token, publicKey, { issuer: this.issuer, algorithms: [algorithm], currentDate: new Date(this.#clock.now()) })
      const claims = payload as Claims
      this.#verified.set(token, claims, 1)
      return claims
    } catch {
      return undefined
    }
  }

  /** The account, and what the token is bound to, are still the same objects. */
  #standsStill(claims: Claims): boolean {
    const claim = claims['kubernetes.io']
    if (!claim) return false
    const { namespace } = claim
    const checks = [
      [claim.serviceaccount, serviceAccounts, namespace],
      [claim.pod, pods, namespace],
      [claim.secret, secrets, namespace],
      [claim.pod ? undefined : claim.node, nodes, undefined],
    ] as const
    return checks.every(([reference, kind, place]) => {
      if (!reference) return true
      const object = this.#reader.get<KubeObject>(kind, { namespace: place, name: reference.name })
      return object?.metadata.uid === reference.uid
    })
  }

  #loadKeys() {
    return (this.#keys ??= (async () => {
      const [privateKey, publicKey] = await Promise.all([
        importPKCS8(this.#privatePem, algorithm),
        importSPKI(this.#publicPem, algorithm, { extractable: true }),
      ])
      const bare = await exportJWK(publicKey)
      return { privateKey, publicKey, jwk: { ...bare, kid: await calculateJwkThumbprint(bare), alg: algorithm, use: 'sig' } }
    })())
  }
}

const referenceOf = ({ metadata: { name, uid } }: KubeObject): Reference => ({ name, uid })

function userOf(claims: Claims): VerifiedToken['user'] {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io']!
  const extra: Record<string, string[]> = {
    ...(claims.jti ? { [`${extraPrefix}/credential-id`]: [`JTI=${claims.jti}`] } : {}),
    ...(node ? { [`${extraPrefix}/node-name`]: [node.name], [`${extraPrefix}/node-uid`]: [node.uid] } : {}),
    ...(pod ? { [`${extraPrefix}/pod-name`]: [pod.name], [`${extraPrefix}/pod-uid`]: [pod.uid] } : {}),
  }
  return {
    name: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, authenticatedGroup],
    extra,
  }
}
