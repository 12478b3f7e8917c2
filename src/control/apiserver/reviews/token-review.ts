import type { TokenAuthenticator } from '../auth/authenticator.ts'

/** The fields that the answer adds to a TokenReview. */
export async function tokenReview(tokens: TokenAuthenticator, object: Readonly<Record<string, unknown>>): Promise<object> {
  const spec = (object['spec'] ?? {}) as { token?: string; audiences?: string[] }
  try {
    const verified = await tokens.verify(spec.token ?? '', spec.audiences)
    if (!verified) return { status: { user: {}, error: 'invalid bearer token' } }
    const { name, uid, groups, extra } = verified.user
    const user = { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) }
    return { status: { authenticated: true, user, audiences: verified.audiences } }
  } catch (error) {
    return { status: { user: {}, error: error instanceof Error ? error.message : String(error) } }
  }
}
