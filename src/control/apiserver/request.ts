/** Who asks, as upstream's user.Info. */
export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** A request as the verbs see it: never Node's own. */
export interface ApiRequest {
  readonly method: string
  /** Decoded pathname, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes as a client sent them, or an object that loopback hands over (the verbs copy it). */
  readonly body?: Uint8Array | object
  readonly user: UserInfo
  /** Aborts when the caller is gone; ends watches and followed logs. */
  readonly signal: AbortSignal
}

export interface ApiResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. */
  readonly body?: Uint8Array | string | object
  readonly stream?: AsyncIterable<Uint8Array | string>
}

export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
