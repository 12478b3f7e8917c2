import type { ApiRequest, ApiResponse } from './request.ts'

export interface VersionInfo {
  readonly major: string
  readonly minor: string
  readonly gitVersion: string
}

export interface HealthCheck {
  readonly name: string
  /** Throws, or gives false, when it is not well. */
  check(): boolean | Promise<boolean>
}

const text = { 'content-type': 'text/plain; charset=utf-8' }

export async function health(checks: readonly HealthCheck[], { path, query }: ApiRequest): Promise<ApiResponse | undefined> {
  const match = /^\/(healthz|livez|readyz)(?:\/([^/]+))?$/.exec(path)
  if (!match) return undefined
  const [, endpoint, only] = match
  const chosen = checks.filter(({ name }) => (only ? name === only : !query.getAll('exclude').includes(name)))
  if (only && chosen.length === 0) return undefined
  const results = await Promise.all(chosen.map(run))
  const well = results.every(({ ok }) => ok)
  if (well && !query.has('verbose')) return { status: 200, headers: text, body: 'ok' }
  const lines = results.map(({ name, ok }) => (ok ? `[+]${name} ok` : `[-]${name} failed: reason withheld`))
  return { status: well ? 200 : 500, headers: text, body: `${lines.join('\n')}\n${endpoint} check ${well ? 'passed' : 'failed'}\n` }
}

async function run({ name, check }: HealthCheck): Promise<{ name: string; ok: boolean }> {
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
