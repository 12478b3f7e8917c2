// A whole API server on a memory store with certificates of its own, for tests.
import 'reflect-metadata'
import { generateKeyPairSync, webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { systemClock, type Clock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'
import type { Client } from '../../../base/client/client.ts'
import { MemoryStore } from '../../store/memory-store.ts'
import { createApiServer, type ApiServer, type ApiServerOptions } from '../api-server.ts'
import { bootstrap } from '../bootstrap.ts'
import type { UserInfo } from '../request.ts'
import * as kinds from '../../../base/api/kinds.ts'

export const admin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] }
const serviceCIDR = '10.96.0.0/16'
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export interface TestServer {
  readonly server: ApiServer
  readonly client: Client
  readonly stop: () => Promise<void>
}

export async function startTestServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const store = options.store ?? new MemoryStore()
  const clock: Clock = options.clock ?? systemClock
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = { privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  const serviceAccounts = { issuer: 'https://kubernetes.default.svc.cluster.local', keys }
  const server = createApiServer({ store, clock, log: silentLog, serviceCIDR, serviceAccounts, freezeObjects: true, ...options })
  const client = server.loopbackClient(admin)
  await bootstrap({ client, serviceCIDR, endpoint: { address: '192.0.2.1', port: 6443 }, servingCa: 'serving', clientCa: 'client' })
  await client.create(kinds.serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  return { server, client, stop: () => store.close() }
}

export interface Listener {
  readonly url: string
  readonly kubeconfig: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly stop: () => Promise<void>
}

/** Serves `server` with TLS on a free port, and writes the kubeconfig of an administrator. */
export async function listenForTest(server: ApiServer): Promise<Listener> {
  const ca = await authority()
  const serving = await ca.issue('CN=localhost', [
    new x509.SubjectAlternativeNameExtension([
      { type: 'ip', value: '127.0.0.1' },
      { type: 'dns', value: 'localhost' },
    ]),
  ])
  const user = await ca.issue('CN=admin, O=system:masters', [])
  const abort = new AbortController()
  const { port, closed } = await server.listen({ tls: { ...serving, ca: ca.cert }, host: '127.0.0.1', port: 0, signal: abort.signal })
  const folder = mkdtempSync(join(tmpdir(), 'knarr-apiserver-'))
  const url = `https://127.0.0.1:${port}`
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, JSON.stringify(config(url, ca.cert, user)))
  return {
    url,
    kubeconfig,
    ca: ca.cert,
    ...user,
    async stop() {
      abort.abort()
      await closed
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

const config = (server: string, ca: string, { cert, key }: { cert: string; key: string }) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'test',
  clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(ca) } }],
  users: [{ name: 'admin', user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }],
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
})

async function authority() {
  const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const times = { notBefore: new Date(Date.now() - 300_000), notAfter: new Date(Date.now() + 86_400_000) }
  const keys = await newKeys()
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    { name: 'CN=test-ca', keys, signingAlgorithm: algorithm, ...times, extensions: [new x509.BasicConstraintsExtension(true, undefined, true)] },
    webcrypto as never,
  )
  const issue = async (subject: string, extensions: x509.Extension[]) => {
    const own = await newKeys()
    const certificate = await x509.X509CertificateGenerator.create(
      { subject, issuer: root.subject, publicKey: own.publicKey, signingKey: keys.privateKey, signingAlgorithm: algorithm, ...times, extensions },
      webcrypto as never,
    )
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64')
    return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.match(/.{1,64}/g)!.join('\n')}\n-----END PRIVATE KEY-----\n` }
  }
  return { cert: root.toString('pem'), issue }
}
