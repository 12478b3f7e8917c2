/** What HTTPS_PROXY and NO_PROXY say. */
export interface ProxySettings {
  readonly https?: string
  readonly except: readonly string[]
}

/** Reads the variables as curl and Go do: lower-case names first; `NO_PROXY` lists hosts and the domains above them. */
export function proxySettings(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const value = (name: string) => environment[name.toLowerCase()] || environment[name]
  const https = value('HTTPS_PROXY') ?? value('ALL_PROXY')
  const except = (value('NO_PROXY') ?? '').split(',').map((host) => host.trim().replace(/^\*?\./, ''))
  return { ...(https ? { https } : {}), except: except.filter((host) => host !== '') }
}

export function proxyFor(host: string, { https, except }: ProxySettings): URL | undefined {
  const isExcepted = except.some((domain) => domain === '*' || host === domain || host.endsWith(`.${domain}`))
  if (!https || isExcepted || host === 'localhost' || host.startsWith('127.')) return undefined
  return new URL(https.includes('://') ? https : `http://${https}`)
}
