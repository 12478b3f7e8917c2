import type { Readable } from 'node:stream'
import type { Agent, Dispatcher } from 'undici'
import { type Challenge, parseChallenges } from './challenge.ts'
import type { Credential } from './credentials.ts'
import type { Endpoint } from './registries.ts'
import { networkError, PullError } from './registry-error.ts'

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH'
  /** Below `/v2/REPOSITORY/`, or a whole URL as a `Location` header gave it. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Made anew for each attempt. */
  readonly body?: () => string | Buffer | Readable
  readonly signal: AbortSignal
}

export type RegistryAnswer = Dispatcher.ResponseData

const maxRedirects = 5

/** Speaks the OCI distribution protocol with one repository of one registry, as one user or as nobody. */
export class RegistryClient {
  readonly endpoint: Endpoint
  readonly #agent: Agent
  readonly #credential: Credential | undefined
  readonly #actions: 'pull' | 'pull,push'
  #authorization: string | undefined

  constructor(options: { endpoint: Endpoint; agent: Agent; credential?: Credential | undefined; actions: 'pull' | 'pull,push' }) {
    this.endpoint = options.endpoint
    this.#agent = options.agent
    this.#credential = options.credential
    this.#actions = options.actions
  }

  /** Answers a challenge once, follows redirects; any status is an answer. Throws PullError where the network fails. */
  async send(wanted: RegistryRequest): Promise<RegistryAnswer> {
    const first = await this.#follow(wanted)
    if (first.statusCode !== 401) return first
    const challenges = parseChallenges([first.headers['www-authenticate'] ?? ''].flat().join(', '))
    const authorization = await this.#answerTo(challenges, wanted.signal)
    if (authorization === undefined) return first
    await first.body.dump()
    this.#authorization = authorization
    return this.#follow(wanted)
  }

  async #follow(wanted: RegistryRequest): Promise<RegistryAnswer> {
    const { endpoint } = this
    let url = new URL(wanted.path, `${endpoint.url}/v2/${endpoint.repository}/`)
    if (endpoint.mirrorOf !== undefined && wanted.method !== 'POST') url.searchParams.set('ns', endpoint.mirrorOf)
    for (let redirects = 0; ; redirects++) {
      // What authorises here is nobody else's: a redirect leads to where blobs are stored, with its own signature.
      const isOwn = url.origin === new URL(endpoint.url).origin
      const headers = { ...wanted.headers, ...(isOwn && this.#authorization ? { authorization: this.#authorization } : {}) }
      const answer = await this.#request(url, { method: wanted.method, headers, signal: wanted.signal, body: wanted.body?.() ?? null })
      const location = answer.headers['location']
      if (![301, 302, 303, 307, 308].includes(answer.statusCode) || typeof location !== 'string' || redirects === maxRedirects) return answer
      await answer.body.dump()
      url = new URL(location, url)
    }
  }

  async #request(
    url: URL,
    options: { method: RegistryRequest['method']; headers: Record<string, string>; signal: AbortSignal; body: string | Buffer | Readable | null },
  ) {
    const { request } = await import('./http-client.ts')
    try {
      return await request(url, { ...options, headers: { 'user-agent': 'knarr', ...options.headers }, dispatcher: this.#agent })
    } catch (error) {
      options.signal.throwIfAborted()
      throw networkError(error, { method: options.method, url: url.href })
    }
  }

  async #answerTo(challenges: readonly Challenge[], signal: AbortSignal): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer?.parameters['realm']) return `Bearer ${await this.#token(bearer.parameters, signal)}`
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic')
    return isBasic && this.#credential && this.#authorization === undefined ? basic(this.#credential) : undefined
  }

  /** The token server's answer (Docker's token authentication); with an identity token by OAuth2. */
  async #token({ realm = '', service = '', scope }: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string> {
    const credential = this.#credential
    const wanted = scope ?? `repository:${this.endpoint.repository}:${this.#actions}`
    const url = new URL(realm, this.endpoint.url)
    const form = new URLSearchParams({ ...(service ? { service } : {}), scope: wanted })
    let answer: RegistryAnswer
    if (credential?.identityToken) {
      for (const [key, value] of Object.entries({ grant_type: 'refresh_token', refresh_token: credential.identityToken, client_id: 'knarr' }))
        form.set(key, value)
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      answer = await this.#request(url, { method: 'POST', headers, signal, body: form.toString() })
    } else {
      for (const [key, value] of form) url.searchParams.append(key, value)
      if (credential) url.searchParams.set('account', credential.username)
      answer = await this.#request(url, { method: 'GET', headers: credential ? { authorization: basic(credential) } : {}, signal, body: null })
    }
    const text = await answer.body.text()
    if (answer.statusCode !== 200) {
      const what = credential ? 'oauth token' : 'anonymous token'
      throw new PullError(
        `failed to authorize: failed to fetch ${what}: unexpected status from ${credential?.identityToken ? 'POST' : 'GET'} request to ${url.origin}${url.pathname}: ${answer.statusCode}`,
        {
          isRefusal: answer.statusCode === 401 || answer.statusCode === 403,
        },
      )
    }
    const { token, access_token: accessToken } = parseToken(text)
    if (!token && !accessToken) throw new PullError('failed to authorize: the token server gave no token')
    return token ?? accessToken ?? ''
  }
}

function parseToken(text: string): { token?: string; access_token?: string } {
  try {
    return JSON.parse(text) as { token?: string; access_token?: string }
  } catch (cause) {
    throw new PullError('failed to authorize: the token server did not answer with JSON', { cause })
  }
}

const basic = ({ username, password }: Credential) => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** A refusal as containerd words it, with what the registry itself says; reads the body. */
export async function refusal(answer: RegistryAnswer, options: { what: string; method: string; url: string }): Promise<PullError> {
  const said = messageOf(await answer.body.text().catch(() => ''))
  const { statusCode } = answer
  if (statusCode === 404) return new PullError(`${options.what}: not found`, { isRefusal: true })
  if (statusCode === 401 || statusCode === 403) {
    const server = said ? `: server message: ${said}` : ''
    return new PullError(`pull access denied, repository does not exist or may require authorization${server || ': authorization failed'}`, { isRefusal: true })
  }
  const isBusy = statusCode === 429 || statusCode >= 500
  return new PullError(`unexpected status from ${options.method} request to ${options.url}: ${statusCode}${said ? `: ${said}` : ''}`, {
    isTransient: isBusy,
  })
}

/** The first error of the body that the distribution spec asks for. */
function messageOf(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: { code?: string; message?: string }[] }
    const first = errors?.[0]
    return first ? [first.code?.toLowerCase(), first.message].filter(Boolean).join(': ') : ''
  } catch {
    return ''
  }
}
