import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { constants as systemConstants } from 'node:os'
import { ensureKubectl } from '../cluster/kubectl-download.ts'
import { writeContext } from '../cluster/kubeconfig.ts'
import { contextName } from '../cluster/names.ts'
import { readPki } from '../cluster/pki.ts'
import { profilePaths, type Profile } from '../cluster/profile.ts'
import { UserError } from '../cluster/errors.ts'
import { kubernetesVersion } from '../version.ts'
import { homeOf, runningProfile, type CommandLine } from './context.ts'

/** Runs kubectl on the profile's cluster, whatever the current context is; its exit code becomes ours. */
export async function kubectl(cli: CommandLine, args: readonly string[], options: { profile: string }): Promise<void> {
  const home = homeOf(cli)
  const profile = runningProfile(home, options.profile)
  const program = findOnPath('kubectl', cli.environment['PATH'] ?? '') ?? (await fetchKubectl(cli, home))
  process.exitCode = await run(program, args, { ...cli.environment, KUBECONFIG: ownKubeconfig(home, profile) })
}

const fetchKubectl = (cli: CommandLine, home: string): Promise<string> =>
  ensureKubectl({
    directory: join(home, 'bin'),
    baseUrl: cli.kubectlBaseUrl,
    version: kubernetesVersion,
    platform: process.platform,
    arch: process.arch,
    onFetch: (url) => cli.stderr.write(`knarr: no kubectl is on the PATH; fetching ${url}\n`),
  })

function ownKubeconfig(home: string, profile: Profile): string {
  const paths = profilePaths(home, profile.name)
  const pki = readPki(paths.pki)
  const server = `https://127.0.0.1:${profile.apiPort}`
  writeContext(paths.kubeconfig, { name: contextName(profile), server, ca: pki.serverCA, client: pki.client('admin') })
  return paths.kubeconfig
}

export function findOnPath(name: string, path: string): string | undefined {
  const names = process.platform === 'win32' ? [`${name}.exe`] : [name]
  const candidates = path.split(delimiter).flatMap((folder) => (folder ? names.map((each) => join(folder, each)) : []))
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return statSync(file).isFile()
    } catch {
      return false
    }
  })
}

/** The terminal sends Ctrl-C to both of us: kubectl decides when it ends. What is sent to us alone is passed on. */
function run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env: environment })
  const ignore = () => undefined
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal)
  process.on('SIGINT', ignore).on('SIGQUIT', ignore)
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, passOn)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new UserError(`${program} cannot be started: ${error.message}`, { cause: error })))
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? systemConstants.signals[signal] : 0)))
  })
}
