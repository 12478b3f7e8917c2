import type { ApiRequest, ApiResponse } from './request.ts'

export interface VersionInfo {
  readonly major: string
  readonly minor: string
  readonly gitVersion: string
}

export interface HealthCheck {
  readonly name: string
  /** It says whether requests should come here, and nothing of whether the process is well: asked by `/readyz` alone. */
  readonly readyOnly?: boolean
  /** Throws, or gives false, when it is not well. */
  check(): boolean | Promise<boolean>
}

const text = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }

/** `/healthz`, `/livez`, `/readyz`, and one path below them for each check. */
export async function health(checks: readonly HealthCheck[], { path, query }: ApiRequest): Promise<ApiResponse | undefined> {
  const match = /^\/(healthz|livez|readyz)(?:\/(.+?))?\/?$/.exec(path)
  if (!match) return undefined
  const [, endpoint = '', only] = match
  const asked = checks.filter(({ readyOnly }) => endpoint === 'readyz' || !readyOnly)
  if (!only) return allChecks(asked, { endpoint, query })
  const single = asked.find(({ name }) => name === only)
  return single && (await oneCheck(single))
}

async function oneCheck(check: HealthCheck): Promise<ApiResponse> {
  const { ok } = await run(check)
  return ok ? { status: 200, headers: text, body: 'ok' } : { status: 500, headers: text, body: 'internal server error: the check failed\n' }
}

async function allChecks(checks: readonly HealthCheck[], { endpoint, query }: { endpoint: string; query: URLSearchParams }): Promise<ApiResponse> {
  const excluded = new Set(query.getAll('exclude'))
  const results = await Promise.all(checks.map(async (check) => (excluded.delete(check.name) ? { name: check.name, ok: true, excluded: true } : run(check))))
  const well = results.every(({ ok }) => ok)
  if (well && !query.has('verbose')) return { status: 200, headers: text, body: 'ok' }
  const lines = results.map(lineOf)
  if (excluded.size) {
    const names = [...excluded].sort().map((name) => JSON.stringify(name))
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(',')}`)
  }
  return { status: well ? 200 : 500, headers: text, body: `${lines.join('\n')}\n${endpoint} check ${well ? 'passed' : 'failed'}\n` }
}

interface Result {
  readonly name: string
  readonly ok: boolean
  readonly excluded?: boolean
}

const lineOf = ({ name, ok, excluded }: Result): string => (excluded ? `[+]${name} excluded: ok` : ok ? `[+]${name} ok` : `[-]${name} failed: reason withheld`)

async function run({ name, check }: HealthCheck): Promise<Result> {
  try {
    return { name, ok: await check() }
  } catch {
    return { name, ok: false }
  }
}

export const version = (info: VersionInfo): ApiResponse => ({
  status: 200,
  body: {
    ...info,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  },
})
