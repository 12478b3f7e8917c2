import type { UserInfo } from '../request.ts'

/** The subject of a client certificate that the listener has verified against the client CA. */
export interface ClientSubject {
  readonly commonName: string
  readonly organizations: readonly string[]
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly certificate?: ClientSubject
}

/** Undefined: no credential of this sort. Throws a StatusError (401) for a bad one. */
export interface Authenticator {
  authenticate(credentials: Credentials): Promise<UserInfo | undefined>
}

export interface VerifiedToken {
  readonly user: UserInfo
  readonly audiences: readonly string[]
}

export interface TokenAuthenticator {
  /** Undefined when the token is not valid (any more). `audiences` defaults to the API server's own. */
  verify(token: string, audiences?: readonly string[]): Promise<VerifiedToken | undefined>
}

export const authenticatedGroup = 'system:authenticated'

/** CN is the user, every O a group. */
export const certificateAuthenticator: Authenticator = {
  async authenticate({ certificate }) {
    if (!certificate) return undefined
    return { name: certificate.commonName, groups: [...certificate.organizations, authenticatedGroup] }
  },
}
