import { generateKeyPairSync, webcrypto, createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBackoff } from '../../base/lib/backoff.ts'
import type { Clock } from '../../base/lib/clock.ts'

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

interface SubjectName {
  readonly type: 'dns' | 'ip'
  readonly value: string
}

const dayMs = 86_400_000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

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
  if (due.size > 0) await issue({ ...request, directory }, due)
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

async function issue({ directory, dnsNames, ipAddresses, clients, nowMs }: PkiRequest, due: ReadonlySet<string>): Promise<void> {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const crypto = webcrypto as unknown as typeof globalThis.crypto
  x509.cryptoProvider.set(crypto)
  const notBefore = new Date(nowMs - 300_000)
  const notAfter = new Date(nowMs + 365 * dayMs)
  const newKeys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const save = async (file: string, cert: string, key: webcrypto.CryptoKey) => {
    const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key))
    const pem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'sec1', format: 'pem' }) as string
    writeFileSync(join(directory, `${file}.key`), pem, { mode: 0o600 })
    writeFileSync(join(directory, `${file}.crt`), `${cert}\n`)
  }

  async function authority(file: string, commonName: string) {
    const certFile = join(directory, `${file}.crt`)
    if (existsSync(certFile)) {
      const der = createPrivateKey(readFileSync(join(directory, `${file}.key`))).export({ type: 'pkcs8', format: 'der' })
      return {
        cert: new x509.X509Certificate(readFileSync(certFile, 'utf8')),
        key: await crypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, true, ['sign']),
      }
    }
    const keys = await newKeys()
    const cert = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${commonName}`,
      keys,
      notBefore,
      notAfter: new Date(nowMs + 3650 * dayMs),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    await save(file, cert.toString('pem'), keys.privateKey)
    return { cert, key: keys.privateKey }
  }

  const [serverCA, clientCA] = [await authority('server-ca', 'knarr-server-ca'), await authority('client-ca', 'knarr-client-ca')]
  async function leaf(file: string, ca: typeof serverCA, subject: { user: string; groups: readonly string[] }, names?: readonly SubjectName[]) {
    if (!due.has(file)) return
    const keys = await newKeys()
    const cert = await x509.X509CertificateGenerator.create({
      subject: [...subject.groups.map((group) => ({ O: [group] })), { CN: [subject.user] }],
      issuer: ca.cert.subject,
      publicKey: keys.publicKey,
      signingKey: ca.key,
      notBefore,
      notAfter,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([names ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth]),
        await x509.AuthorityKeyIdentifierExtension.create(ca.cert),
        ...(names ? [new x509.SubjectAlternativeNameExtension([...names])] : []),
      ],
    })
    await save(file, cert.toString('pem'), keys.privateKey)
  }

  const dns = (value: string): SubjectName => ({ type: 'dns', value })
  await leaf('apiserver', serverCA, { user: 'kube-apiserver', groups: [] }, [
    ...dnsNames.map(dns),
    ...ipAddresses.map((value): SubjectName => ({ type: 'ip', value })),
  ])
  await leaf('ingress', serverCA, { user: 'Knarr Ingress Controller Default Certificate', groups: [] }, ['localhost', '*.localhost'].map(dns))
  for (const { file, user, groups } of clients) await leaf(file, clientCA, { user, groups })
  if (!existsSync(join(directory, 'sa.key'))) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(join(directory, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
}
