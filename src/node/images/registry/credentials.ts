/** A user of a registry. */
export interface Credential {
  readonly username: string
  readonly password: string
  /** Given in exchange for tokens in the place of a password. */
  readonly identityToken?: string
}

/** Credentials by where they hold, in the order in which they are to be tried. */
export type Keyring = readonly { readonly pattern: string; readonly credential: Credential }[]

interface AuthEntry {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly identitytoken?: string
}

/** Reads a `.dockerconfigjson` (`{auths: …}`) or a `.dockercfg` (the map itself). Throws for what is no JSON object. */
export function parseDockerConfig(text: string): Keyring {
  const config = JSON.parse(text) as { auths?: Record<string, AuthEntry> } & Record<string, AuthEntry>
  if (typeof config !== 'object' || config === null) throw new Error('it is not a JSON object')
  const entries = Object.entries(config.auths ?? ('credsStore' in config || 'credHelpers' in config ? {} : (config as Record<string, AuthEntry>)))
  return entries.flatMap(([pattern, entry]) => {
    const credential = typeof entry === 'object' && entry !== null ? credentialOf(entry) : undefined
    return credential ? [{ pattern, credential }] : []
  })
}

export function credentialOf(entry: AuthEntry): Credential | undefined {
  const decoded = entry.auth ? Buffer.from(entry.auth, 'base64').toString() : ''
  const colon = decoded.indexOf(':')
  const username = entry.username || (colon === -1 ? '' : decoded.slice(0, colon))
  const password = entry.password || (colon === -1 ? '' : decoded.slice(colon + 1))
  const { identitytoken: identityToken } = entry
  return username || identityToken ? { username, password, ...(identityToken ? { identityToken } : {}) } : undefined
}

/**
 * Those that hold for an image (its full name), as the kubelet matches them: the longest path first; `*` stands for a part of the
 * host's name, a scheme is overlooked, and `index.docker.io` stands for docker.io.
 */
export function credentialsFor(name: string, keyring: Keyring): Credential[] {
  const fits = keyring.map(({ pattern, credential }) => ({ ...parsePattern(pattern), credential })).filter(({ host, path }) => matchesName(name, host, path))
  return fits.sort((a, b) => b.path.length - a.path.length).map(({ credential }) => credential)
}

function parsePattern(pattern: string): { host: string; path: string } {
  const plain = pattern.replace(/^https?:\/\//, '').replace(/\/+$/, '')
  const slash = plain.indexOf('/')
  const host = slash === -1 ? plain : plain.slice(0, slash)
  const path = slash === -1 ? '' : plain.slice(slash + 1)
  // `https://index.docker.io/v1/` and the like name an API version, not a repository.
  return { host: /^(index|registry-1)\.docker\.io$/.test(host) ? 'docker.io' : host, path: /^v[12]$/.test(path) ? '' : path }
}

function matchesName(name: string, host: string, path: string): boolean {
  const slash = name.indexOf('/')
  const [domain, repository] = [name.slice(0, slash), name.slice(slash + 1)]
  const parts = host.split('.')
  const own = domain.split('.')
  const isHost = parts.length === own.length && parts.every((part, index) => new RegExp(`^${part.split('*').map(literal).join('.*')}$`).test(own[index]!))
  return isHost && (path === '' || repository === path || repository.startsWith(`${path}/`))
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
