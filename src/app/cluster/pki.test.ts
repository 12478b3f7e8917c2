import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { ensurePki } from './pki.ts'

const directory = mkdtempSync(join(tmpdir(), 'knarr-pki-'))
afterAll(() => rmSync(directory, { recursive: true }))
const request = {
  directory,
  dnsNames: ['kubernetes'],
  ipAddresses: ['127.0.0.1'],
  clients: [{ file: 'admin', user: 'me', groups: ['system:masters'] }],
  nowMs: Date.now(),
}

it('signs serving and client certificates by two authorities, valid from five minutes ago', async () => {
  const pki = await ensurePki(request)
  const server = new X509Certificate(pki.server.cert)
  const admin = new X509Certificate(pki.client('admin').cert)
  expect(server.verify(new X509Certificate(pki.serverCA).publicKey)).toBe(true)
  expect(admin.verify(new X509Certificate(pki.clientCA).publicKey)).toBe(true)
  expect(admin.verify(new X509Certificate(pki.serverCA).publicKey)).toBe(false)
  expect(server.subjectAltName).toBe('DNS:kubernetes, IP Address:127.0.0.1')
  expect(admin.subject).toBe('O=system:masters\nCN=me')
  expect(Date.parse(server.validFrom)).toBeLessThanOrEqual(request.nowMs - 299_000)
})

it('keeps what is current, and renews under the same authorities when a name is new or the end is near', async () => {
  const first = await ensurePki(request)
  const admin = first.client('admin').cert
  expect((await ensurePki(request)).server.cert).toBe(first.server.cert)
  const named = await ensurePki({ ...request, ipAddresses: ['127.0.0.1', '10.96.0.1'] })
  expect(named.server.cert).not.toBe(first.server.cert)
  expect(named.serverCA).toBe(first.serverCA)
  const more = await ensurePki({ ...request, clients: [...request.clients, { file: 'node-1', user: 'system:node:1', groups: ['system:nodes'] }] })
  expect(more.client('admin').cert).toBe(admin)
  expect(more.client('node-1').cert).toContain('BEGIN CERTIFICATE')
  const later = await ensurePki({ ...request, nowMs: request.nowMs + 350 * 86_400_000 })
  expect(later.server.cert).not.toBe(named.server.cert)
  expect(later.client('admin').cert).not.toBe(admin)
})
