import { serviceAccounts } from '../../base/api/kinds.ts'
import type { AuthenticationTokenRequest, Pod } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import type { Clock } from '../../base/lib/clock.ts'

interface Held {
  readonly token: string
  readonly refreshAtMs: number
}

/** Tokens bound to Pods, asked for once and again when four fifths of their life (or a day) are over. */
export class ServiceAccountTokens {
  readonly #held = new Map<string, Held>()
  readonly #clock: Clock

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  async token(client: Client, pod: Pod, options: { audience?: string; expirationSeconds: number }): Promise<string> {
    const key = `${pod.metadata.uid}/${options.audience ?? ''}/${options.expirationSeconds}`
    const held = this.#held.get(key)
    if (held && held.refreshAtMs > this.#clock.now()) return held.token
    const asked = await this.#request(client, pod, options)
    this.#held.set(key, asked)
    return asked.token
  }

  /** When the first token of a Pod falls due, in wall milliseconds. */
  refreshAtMs(uid: string): number | undefined {
    const times = [...this.#held].filter(([key]) => key.startsWith(`${uid}/`)).map(([, held]) => held.refreshAtMs)
    return times.length ? Math.min(...times) : undefined
  }

  forget(uid: string): void {
    for (const key of this.#held.keys()) if (key.startsWith(`${uid}/`)) this.#held.delete(key)
  }

  async #request(client: Client, pod: Pod, { audience, expirationSeconds }: { audience?: string; expirationSeconds: number }): Promise<Held> {
    const account = { namespace: pod.metadata.namespace, name: pod.spec.serviceAccountName || 'default' }
    const issuedMs = this.#clock.now()
    const { status } = await client.createSubresource<AuthenticationTokenRequest>(serviceAccounts, account, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience ? { audiences: [audience] } : {}),
        expirationSeconds,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid: pod.metadata.uid },
      },
    })
    if (!status.token) throw new Error(`failed to fetch token: the API server answered without one`)
    const expiresMs = status.expirationTimestamp ? Date.parse(status.expirationTimestamp) : issuedMs + expirationSeconds * 1000
    return { token: status.token, refreshAtMs: Math.min(issuedMs + (expiresMs - issuedMs) * 0.8, issuedMs + 86_400_000) }
  }
}
