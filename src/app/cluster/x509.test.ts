import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { issueAuthority, issueLeaf } from './x509.ts'

const folder = mkdtempSync(join(tmpdir(), 'knarr-x509-'))
afterAll(() => rmSync(folder, { recursive: true }))
const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0
  } catch {
    return false
  }
})()
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const put = (name: string, text: string) => (writeFileSync(join(folder, name), text), name)

const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2049-12-31T23:59:59Z') }
const authority = issueAuthority({ commonName: 'authority', ...validity })
const names = [
  { type: 'dns', value: '*.localhost' },
  { type: 'ip', value: '10.96.0.1' },
] as const

it('issues a certificate that its authority vouches for, with the names of a server', () => {
  const { certificate, key } = issueLeaf({ authority, user: 'server', groups: [], names, ...validity })
  expect(certificate.checkIssued(authority.certificate) && certificate.verify(authority.certificate.publicKey)).toBe(true)
  expect(certificate.checkPrivateKey(key)).toBe(true)
  expect(certificate.subjectAltName).toBe('DNS:*.localhost, IP Address:10.96.0.1')
  expect([certificate.ca, authority.certificate.ca]).toEqual([false, true])
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  expect([certificate.validFrom, certificate.validTo]).toEqual(['Jan  1 00:00:00 2026 GMT', 'Dec 31 23:59:59 2049 GMT'])
})

it('issues a client certificate with a group for each O, however long the names', () => {
  const groups = ['system:masters', 'x'.repeat(300), 'größe']
  const { certificate } = issueLeaf({ authority, user: 'me', groups, ...validity })
  expect(certificate.toLegacyObject().subject).toEqual({ O: groups, CN: 'me' })
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  expect(certificate.serialNumber).not.toBe(issueLeaf({ authority, user: 'me', groups, ...validity }).certificate.serialNumber)
})

it('writes years from 2050 on with four digits', () => {
  const notAfter = new Date('2050-01-01T00:00:00Z')
  expect(issueLeaf({ authority, user: 'me', groups: [], ...validity, notAfter }).certificate.validTo).toBe('Jan  1 00:00:00 2050 GMT')
})

it.skipIf(!hasOpenssl)('holds against the strict check of another implementation (needs openssl)', () => {
  const ca = put('ca.crt', authority.certificate.toString())
  const server = put('server.crt', issueLeaf({ authority, user: 'server', groups: [], names, ...validity }).certificate.toString())
  const client = put('client.crt', issueLeaf({ authority, user: 'me', groups: ['a', 'b'], ...validity }).certificate.toString())
  expect(openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, server)).toContain('OK')
  expect(openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', ca, client)).toContain('OK')
})

it.skipIf(!hasOpenssl)('issues under an authority that another implementation made, whatever the form of its name (needs openssl)', () => {
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'old.key', '-out', 'old.crt', '-days', '9000'],
    ...['-subj', '/O=Somebody/CN=old authority', '-addext', 'keyUsage=critical,keyCertSign'],
  )
  const read = (name: string) => readFileSync(join(folder, name))
  const old = { certificate: new X509Certificate(read('old.crt')), key: createPrivateKey(read('old.key')) }
  const { certificate } = issueLeaf({ authority: old, user: 'me', groups: [], ...validity })
  expect(certificate.checkIssued(old.certificate) && certificate.verify(old.certificate.publicKey)).toBe(true)
})
