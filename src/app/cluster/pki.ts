import { generateKeyPairSync, createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBackoff } from '../../base/lib/backoff.ts'
import type { Clock } from '../../base/lib/clock.ts'
import { type CertificateAuthority, issueAuthority, issueLeaf, type LeafRequest, type SubjectName } from './x509.ts'

export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface Pki {
  /** Signs what the API server shows. */
  readonly serverCA: string
  /** Signs what clients show. */
  readonly clientCA: string
  readonly server: KeyPair
  /** What the gateway shows for hosts without a certificate of their own. */
  readonly ingress: KeyPair
  /** PEM, ES256: signs ServiceAccount tokens. */
  readonly serviceAccountKey: string
  client(name: string): KeyPair
}

export interface PkiRequest {
  readonly directory: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly clients: readonly { readonly file: string; readonly user: string; readonly groups: readonly string[] }[]
  readonly nowMs: number
}

const dayMs = 86_400_000

/**
 * The certificates of a profile, made once and renewed when less than 30 days are left or a name is new.
 * ECDSA P-256, separate authorities for serving and for clients, valid from five minutes ago.
 */
export async function ensurePki(request: PkiRequest): Promise<Pki> {
  const isNew = !existsSync(request.directory)
  const directory = isNew ? `${request.directory}.new` : request.directory
  if (isNew) rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const due = dueFiles({ ...request, directory })
  if (due.size > 0) issue({ ...request, directory }, due)
  // Who waits for the folder finds it complete.
  if (isNew) renameSync(directory, request.directory)
  return readPki(request.directory)
}

/** The certificates of a profile that another process is about to make. */
export async function awaitPki(directory: string, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<Pki> {
  const backoff = createBackoff({ initialMs: 5, maxMs: 200, factor: 1.02 })
  while (!existsSync(directory)) await clock.sleep(backoff.next(), signal)
  return readPki(directory)
}

export function readPki(directory: string): Pki {
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  const pair = (name: string) => ({ cert: read(`${name}.crt`), key: read(`${name}.key`) })
  return {
    serverCA: read('server-ca.crt'),
    clientCA: read('client-ca.crt'),
    server: pair('apiserver'),
    ingress: pair('ingress'),
    serviceAccountKey: read('sa.key'),
    client: pair,
  }
}

/** The certificates that are missing, near their end, or lack a name. */
function dueFiles({ directory, dnsNames, ipAddresses, clients, nowMs }: PkiRequest): ReadonlySet<string> {
  const isDue = (file: string) => {
    const [crt, key] = [join(directory, `${file}.crt`), join(directory, `${file}.key`)]
    if (!existsSync(crt) || !existsSync(key)) return true
    const certificate = new X509Certificate(readFileSync(crt))
    const names = certificate.subjectAltName?.split(', ') ?? []
    const isNamed = [...dnsNames.map((name) => `DNS:${name}`), ...ipAddresses.map((ip) => `IP Address:${ip}`)].every((name) => names.includes(name))
    return Date.parse(certificate.validTo) - nowMs <= 30 * dayMs || (file === 'apiserver' && !isNamed)
  }
  return new Set(['apiserver', 'ingress', ...clients.map((client) => client.file)].filter(isDue))
}

function issue({ directory, dnsNames, ipAddresses, clients, nowMs }: PkiRequest, due: ReadonlySet<string>): void {
  const notBefore = new Date(nowMs - 300_000)
  const notAfter = new Date(nowMs + 365 * dayMs)
  const save = (file: string, { certificate, key }: CertificateAuthority) => {
    writeFileSync(join(directory, `${file}.key`), key.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
    writeFileSync(join(directory, `${file}.crt`), certificate.toString())
  }
  const authority = (file: string, commonName: string): CertificateAuthority => {
    const certFile = join(directory, `${file}.crt`)
    if (existsSync(certFile))
      return { certificate: new X509Certificate(readFileSync(certFile)), key: createPrivateKey(readFileSync(join(directory, `${file}.key`))) }
    const made = issueAuthority({ commonName, notBefore, notAfter: new Date(nowMs + 3650 * dayMs) })
    save(file, made)
    return made
  }
  const [serverCA, clientCA] = [authority('server-ca', 'knarr-server-ca'), authority('client-ca', 'knarr-client-ca')]
  const leaf = (file: string, request: Omit<LeafRequest, 'notBefore' | 'notAfter'>) => {
    if (due.has(file)) save(file, issueLeaf({ ...request, notBefore, notAfter }))
  }
  const dns = (value: string): SubjectName => ({ type: 'dns', value })
  const ip = (value: string): SubjectName => ({ type: 'ip', value })
  leaf('apiserver', { authority: serverCA, user: 'kube-apiserver', groups: [], names: [...dnsNames.map(dns), ...ipAddresses.map(ip)] })
  const ingress = { user: 'Knarr Ingress Controller Default Certificate', groups: [], names: ['localhost', '*.localhost'].map(dns) }
  leaf('ingress', { authority: serverCA, ...ingress })
  for (const { file, user, groups } of clients) leaf(file, { authority: clientCA, user, groups })
  if (!existsSync(join(directory, 'sa.key'))) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(join(directory, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
}
