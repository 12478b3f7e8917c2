import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The bundled command; another build can be named, to try two side by side. */
export const main = process.env['KNARR_MAIN'] ?? join(import.meta.dirname, '..', '..', 'dist', 'knarr.js')
/** Root, and a kubectl to drive the cluster with. */
export const isRoot = process.getuid?.() === 0 && spawnSync('kubectl', ['version', '--client']).error === undefined

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Sandbox {
  readonly home: string
  readonly kubeconfig: string
  readonly environment: NodeJS.ProcessEnv
  knarr(...args: string[]): Promise<Answer>
  kubectl(...args: string[]): Promise<Answer>
  /** Like kubectl, but anything but exit 0 throws with what it printed. */
  k(...args: string[]): Promise<string>
  apply(manifest: string): Promise<string>
  start(file: string, args: readonly string[]): ChildProcess
  run(file: string, args: readonly string[], input?: string): Promise<Answer>
  profile(name?: string): { readonly httpPort: number; readonly httpsPort: number; readonly apiPort: number; readonly ranges: Record<string, string> }
  remove(): Promise<void>
}

/** An empty home folder and a kubeconfig of its own; `remove` deletes every cluster below it. `broken` programs of the machine fail in it. */
export function createSandbox({ broken = [] }: { readonly broken?: readonly string[] } = {}): Sandbox {
  const base = mkdtempSync(join(tmpdir(), 'knarr-story-'))
  const home = join(base, 'data')
  const kubeconfig = join(base, 'kubeconfig')
  const bin = join(base, 'bin')
  mkdirSync(bin)
  for (const program of broken) writeFileSync(join(bin, program), `#!/bin/sh\necho "${program}: not supported here" >&2\nexit 1\n`, { mode: 0o755 })
  const environment = { ...process.env, KNARR_HOME: home, KUBECONFIG: kubeconfig, HOME: base, PATH: `${bin}:${process.env['PATH'] ?? ''}` }
  const run = (file: string, args: readonly string[], input?: string) =>
    new Promise<Answer>((resolve) => {
      const child = execFile(file, args, { env: environment, encoding: 'utf8', maxBuffer: 1 << 26, timeout: 90_000 }, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0
        resolve({ code, stdout, stderr })
      })
      child.stdin?.on('error', () => undefined)
      child.stdin?.end(input ?? '')
    })
  const knarr = (...args: string[]) => run(process.execPath, [main, ...args])
  const kubectl = (...args: string[]) => run('kubectl', args)
  const must = (what: string, answer: Answer) => {
    if (answer.code !== 0) throw new Error(`${what}: exit ${answer.code}\n${answer.stdout}${answer.stderr}`)
    return answer.stdout
  }
  return {
    home,
    kubeconfig,
    environment,
    knarr,
    kubectl,
    run,
    k: async (...args) => must(`kubectl ${args.join(' ')}`, await kubectl(...args)),
    apply: async (manifest) => must('kubectl apply', await run('kubectl', ['apply', '-f', '-'], manifest)),
    start: (file, args) => spawn(file, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] }),
    profile: (name = 'default') => JSON.parse(readFileSync(join(home, 'profiles', name, 'profile.json'), 'utf8')),
    async remove() {
      await knarr('delete', '--all')
      rmSync(base, { recursive: true, force: true })
    },
  }
}

/** Polls until `probe` gives a value that holds, or throws with the last thing seen. */
export async function eventually<T>(probe: () => Promise<T>, holds: (value: T) => boolean, what: string, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const value = await probe()
      if (holds(value)) return value
      last = value
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what}: still ${last instanceof Error ? last.message : JSON.stringify(last)}`)
}

/** Builds `web:dev`: an HTTP server from a host image that answers with its Pod's name, its path and its environment. */
export async function buildWebImage(sandbox: Sandbox, tag = 'web:dev'): Promise<void> {
  const context = join(sandbox.home, '..', `image-${tag.replace(/\W/g, '-')}`)
  mkdirSync(context, { recursive: true })
  writeFileSync(
    join(context, 'Dockerfile'),
    'FROM knarr.local/host-node\nWORKDIR /app\nCOPY server.js .\nENV PORT=8080\nEXPOSE 8080\nUSER 1000\nCMD ["node", "server.js"]\n',
  )
  writeFileSync(join(context, 'server.js'), webServer)
  const answer = await sandbox.knarr('image', 'build', context, '-t', tag)
  if (answer.code !== 0) throw new Error(answer.stdout + answer.stderr)
}

const webServer = `
const { createServer } = require('node:http')
const { hostname } = require('node:os')
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ pod: hostname(), path: request.url, host: request.headers.host, client: request.socket.remoteAddress.replace('::ffff:', ''), env: process.env, uid: process.getuid() }))
})
server.listen(Number(process.env.PORT), () => console.log('listening on ' + process.env.PORT))
process.on('SIGTERM', () => { console.log('stopping'); server.close(() => process.exit(0)); server.closeAllConnections() })
`

/** What the machine shows of Knarr: links, mounts, namespaces, processes, cgroups, rules. */
export async function traces(sandbox: Sandbox): Promise<string[]> {
  const lines = async (file: string, ...args: string[]) => (await sandbox.run(file, args)).stdout.split('\n').filter((line) => line !== '')
  const links = (await lines('ip', '-o', 'link')).map((line) => `link ${line.split(': ')[1] ?? ''}`)
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `mount ${line.split(' ')[1] ?? ''}`)
  const netns = (await lines('ip', 'netns', 'list')).map((line) => `netns ${line}`)
  const routes = (await lines('ip', 'route')).map((line) => `route ${line}`)
  const cgroups = ['/sys/fs/cgroup', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/cpu', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids'].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.includes('knarr'))
          .map((name) => `cgroup ${folder}/${name}`)
      : [],
  )
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        // A container's processes show in its host's /proc, and are none of ours.
        const isHere = readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid')
        return isHere && (words.includes(sandbox.home) || words.includes('knarr-supervisor')) ? [`process ${words}`] : []
      } catch {
        return []
      }
    })
  return [...new Set([...links, ...mounts, ...netns, ...routes, ...cgroups, ...processes])].sort()
}

/** Whole numbers that are the same in every run, so that a failure can be run again (Park and Miller's generator). */
export function randomNumbers(seed: number): () => number {
  let last = seed
  return () => (last = (last * 48_271) % 2_147_483_647)
}
