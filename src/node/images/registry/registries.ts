import { readFileSync } from 'node:fs'

/** What `registries.yaml` says: the file of k3s, of which these fields are read. */
export interface Registries {
  /** By the registry's name in image references, or `*`. */
  readonly mirrors: Readonly<Record<string, { readonly endpoint?: readonly string[]; readonly rewrite?: Readonly<Record<string, string>> }>>
  /** By host, and port where it is not the usual one. */
  readonly configs: Readonly<Record<string, RegistryConfig>>
}

export interface RegistryConfig {
  readonly auth?: { readonly username?: string; readonly password?: string; readonly auth?: string; readonly identity_token?: string }
  readonly tls?: { readonly ca_file?: string; readonly cert_file?: string; readonly key_file?: string; readonly insecure_skip_verify?: boolean }
}

export interface Endpoint {
  /** `https://registry-1.docker.io`, without a slash at its end. */
  readonly url: string
  readonly repository: string
  /** The registry that a mirror stands for, which it is told. */
  readonly mirrorOf?: string
  readonly tls: NonNullable<RegistryConfig['tls']>
  readonly auth?: NonNullable<RegistryConfig['auth']>
}

export const noRegistries: Registries = { mirrors: {}, configs: {} }

/** Reads the file anew, so that a change needs no restart. Throws one line that names the file. */
export async function readRegistries(file: string): Promise<Registries> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return noRegistries
    throw error
  }
  const { parse } = await import('./parse-yaml.ts')
  try {
    return checked(parse(text) ?? {})
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error })
  }
}

function checked(value: unknown): Registries {
  const { mirrors = {}, configs = {}, ...rest } = object(value, 'the file')
  const [strange] = Object.keys(rest)
  if (strange) throw new Error(`unknown field "${strange}" (known: mirrors, configs)`)
  for (const [name, mirror] of Object.entries(object(mirrors, 'mirrors'))) {
    const endpoints = object(mirror, `mirrors.${name}`)['endpoint'] ?? []
    const isFit = Array.isArray(endpoints) && endpoints.every((endpoint) => typeof endpoint === 'string' && URL.canParse(withScheme(endpoint)))
    if (!isFit) throw new Error(`mirrors.${name}.endpoint must be a list of URLs`)
  }
  for (const [name, config] of Object.entries(object(configs, 'configs'))) object(config, `configs.${name}`)
  return { mirrors, configs } as Registries
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} must be a map`)
  return value as Record<string, unknown>
}

/** Where an image is asked for, in this order: the mirrors of its registry, then the registry. */
export function endpointsOf(name: string, registries: Registries): Endpoint[] {
  const slash = name.indexOf('/')
  const [domain, repository] = [name.slice(0, slash), name.slice(slash + 1)]
  const mirror = registries.mirrors[domain] ?? registries.mirrors['*']
  const asMirror = (text: string): Endpoint => {
    const url = withScheme(text).replace(/\/+(v2\/*)?$/, '')
    return { url, repository: rewritten(repository, mirror?.rewrite ?? {}), mirrorOf: domain, ...configOf(new URL(url).host, registries) }
  }
  const own = registryUrl(domain, registries)
  return [...(mirror?.endpoint ?? []).map(asMirror).filter(({ url }) => url !== own), { url: own, repository, ...configOf(domain, registries) }]
}

/** `docker.io` is served by another host; a registry on this machine speaks plain HTTP, as containerd takes it. */
export function registryUrl(domain: string, registries: Registries): string {
  if (domain === 'docker.io') return 'https://registry-1.docker.io'
  const hasTls = registries.configs[domain]?.tls !== undefined
  return `${isLoopback(domain) && !hasTls ? 'http' : 'https'}://${domain}`
}

export const isLoopback = (domain: string) => /^(localhost|[\w-]+(\.[\w-]+)*\.localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(domain)

function configOf(host: string, registries: Registries): Pick<Endpoint, 'tls' | 'auth'> {
  const { tls = {}, auth } = registries.configs[host] ?? (host === 'registry-1.docker.io' ? registries.configs['docker.io'] : undefined) ?? {}
  return { tls, ...(auth ? { auth } : {}) }
}

function rewritten(repository: string, rules: Readonly<Record<string, string>>): string {
  const rule = Object.entries(rules).find(([pattern]) => new RegExp(pattern).test(repository))
  return rule ? repository.replace(new RegExp(rule[0]), rule[1]) : repository
}

const withScheme = (endpoint: string) =>
  /^https?:\/\//.test(endpoint) ? endpoint : `${isLoopback(endpoint.replace(/\/.*/, '')) ? 'http' : 'https'}://${endpoint}`
