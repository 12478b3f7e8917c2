// A profile of the benchmark's own, driven through the built command.
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const percentile = (values, p) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil((values.length * p) / 100) - 1)]
export const median = (values) => percentile(values, 50)

/** Everything below one folder, which `remove` takes away with the clusters in it. */
export function createBench({ main, profile, idleSeconds }) {
  const base = mkdtempSync(join(tmpdir(), 'knarr-bench-'))
  const environment = { ...process.env, KNARR_HOME: join(base, 'data'), KUBECONFIG: join(base, 'kubeconfig') }
  const run = (file, args, input) => execFileSync(file, args, { env: environment, encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] })
  const knarr = (...args) => run(process.execPath, [main, ...args])
  return {
    main,
    profile,
    idleSeconds,
    knarr,
    /** Starts a command and does not wait for it. */
    begin: (...args) => execFileAsync(process.execPath, [main, ...args], { env: environment, encoding: 'utf8' }),
    kubectl: (...args) => run('kubectl', args),
    apply: (manifest) => run('kubectl', ['apply', '-f', '-'], manifest),
    file: (path) => readFileSync(join(environment.KNARR_HOME, 'profiles', profile, path), 'utf8'),
    up: (...args) => knarr('up', '--profile', profile, ...args),
    delete: () => knarr('delete', '--profile', profile),
    buildImage() {
      const context = join(base, 'image')
      mkdirSync(context, { recursive: true })
      writeFileSync(join(context, 'Dockerfile'), 'FROM knarr.local/host-node\nCOPY s.js /s.js\nCMD ["node", "/s.js"]\n')
      writeFileSync(join(context, 's.js'), "require('node:http').createServer((q, s) => s.end('ok')).listen(8080)\n")
      knarr('image', 'build', context, '-t', 'bench:dev')
    },
    /** Host, port and the administrator's TLS options. */
    access() {
      const config = JSON.parse(run('kubectl', ['config', 'view', '--raw', '-o', 'json']))
      return accessOf(config)
    },
    remove() {
      knarr('delete', '--all')
      rmSync(base, { recursive: true, force: true })
    },
  }
}

/** What a kubeconfig with one context says. */
export function accessOf(config) {
  const decode = (text) => Buffer.from(text, 'base64')
  const [{ cluster }] = config.clusters
  const [{ user }] = config.users
  const { hostname, port } = new URL(cluster.server)
  return {
    host: hostname,
    port: Number(port),
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  }
}
