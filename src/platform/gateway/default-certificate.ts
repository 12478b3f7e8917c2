import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'
import type { Clock } from '../../base/lib/clock.ts'
import type { Certificate } from './certificates.ts'

const dayMs = 24 * 60 * 60 * 1000
const backdateMs = 5 * 60 * 1000
const names = ['localhost', '*.localhost', 'ingress.local']

/** What hosts without a certificate of their own show: self-signed, for a year. */
export const createDefaultCertificate = async (clock: Clock): Promise<Certificate> => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=Knarr, CN=Knarr Ingress Controller Default Certificate',
    notBefore: new Date(clock.now() - backdateMs),
    notAfter: new Date(clock.now() + 365 * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))],
  })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key.replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n` }
}
