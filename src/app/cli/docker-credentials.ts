import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { normaliseReference } from '../../node/images/reference.ts'
import { credentialsFor, type Keyring, parseDockerConfig } from '../../node/images/registry/credentials.ts'
import { UserError } from '../cluster/errors.ts'
import type { CommandLine } from './context.ts'

interface DockerConfig {
  readonly auths?: Readonly<Record<string, unknown>>
  readonly credsStore?: string
  readonly credHelpers?: Readonly<Record<string, string>>
}

/** What `docker login` left in `$DOCKER_CONFIG` or `~/.docker`, for one image. Says so where a helper keeps it, which is not asked. */
export function dockerCredentials(cli: CommandLine, name: string): { keyring: Keyring } {
  const { environment } = cli
  const full = fullName(name)
  const file = join(environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker'), 'config.json')
  const text = readIfThere(file)
  if (text === undefined) return { keyring: [] }
  try {
    const keyring = parseDockerConfig(text)
    const helper = credentialsFor(full, keyring).length === 0 ? helperFor(JSON.parse(text) as DockerConfig, full) : undefined
    if (helper) cli.stderr.write(`knarr: the login for ${full} is kept by docker-credential-${helper}, which is not asked; its registry is asked as nobody\n`)
    return { keyring }
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** With a store for all logins, `auths` still lists where there is one. */
function helperFor({ credHelpers = {}, credsStore, auths = {} }: DockerConfig, name: string): string | undefined {
  const domain = name.slice(0, name.indexOf('/'))
  const own = credHelpers[domain] ?? (domain === 'docker.io' ? credHelpers['https://index.docker.io/v1/'] : undefined)
  const isListed =
    credentialsFor(
      name,
      Object.keys(auths).map((pattern) => ({ pattern, credential: { username: '', password: '' } })),
    ).length > 0
  return own ?? (isListed ? credsStore : undefined)
}

function fullName(name: string): string {
  try {
    return normaliseReference(name)
  } catch (error) {
    throw new UserError((error as Error).message, { cause: error })
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
