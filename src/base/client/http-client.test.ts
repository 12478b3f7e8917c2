import { mkdtemp, rm } from 'node:fs/promises'
import type http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configMaps, pods } from '../api/kinds.ts'
import type { Client } from './client.ts'
import { createHttpClient } from './http-client.ts'

const status = (code: number, reason: string) => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: `it is ${reason}`, reason, code })

const seen: { method: string; url: string; type: string | undefined; body: string }[] = []

const answer: http.RequestListener = async (request, response) => {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  const url = request.url ?? ''
  seen.push({ method: request.method ?? '', url, type: request.headers['content-type'], body })
  const json = (code: number, value: object) => response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  if (url.includes('gone')) return json(404, status(404, 'NotFound'))
  if (url.includes('watch=true')) {
    const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`
    const first = event('ADDED', { kind: 'Pod', metadata: { name: 'ä', resourceVersion: '8' } })
    response.writeHead(200).write(Buffer.from(first).subarray(0, 40))
    setTimeout(
      () => response.write(Buffer.concat([Buffer.from(first).subarray(40), Buffer.from(event('MODIFIED', { kind: 'Pod', metadata: { name: 'b' } }))])),
      5,
    )
    if (url.includes('namespaces/expired')) setTimeout(() => response.end(event('ERROR', status(410, 'Expired'))), 10)
    return
  }
  return json(
    200,
    url.endsWith('/pods') ? { kind: 'PodList', metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'a' } }] } : { kind: 'Some', url },
  )
}

describe('the HTTP client, over TLS on a unix socket', () => {
  let folder: string
  let server: https.Server
  let client: Client

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'knarr-client-'))
    const { cert, key } = await selfSigned('kubernetes')
    server = https.createServer({ cert, key }, answer)
    await new Promise<void>((resolve) => server.listen(path.join(folder, 'api.sock'), resolve))
    client = createHttpClient({ socketPath: path.join(folder, 'api.sock'), servername: 'kubernetes', ca: cert, token: 'secret' })
  })
  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })

  it('addresses objects, subresources and collections as the API does', async () => {
    expect(await client.get(pods, { namespace: 'shop', name: 'a' }, { subresource: 'status' })).toMatchObject({ url: '/api/v1/namespaces/shop/pods/a/status' })
    await client.patch(configMaps, { namespace: 'shop', name: 'c' }, { data: { a: 'b' } }, { type: 'strategic' })
    expect(seen.at(-1)).toMatchObject({ method: 'PATCH', type: 'application/strategic-merge-patch+json', body: '{"data":{"a":"b"}}' })
    await client.create(configMaps, { metadata: { name: 'c', namespace: 'shop' } })
    expect(JSON.parse(seen.at(-1)?.body ?? '')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
    await client.deleteCollection(pods, { namespace: 'shop', labelSelector: 'app in (a,b)' })
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE', url: '/api/v1/namespaces/shop/pods?labelSelector=app+in+%28a%2Cb%29' })
  })

  it('gives the items of a list their apiVersion and kind', async () => {
    expect((await client.list(pods)).items[0]).toMatchObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } })
  })

  it('turns a refusal into a StatusError', async () => {
    await expect(client.get(pods, { namespace: 'gone', name: 'a' })).rejects.toMatchObject({
      name: 'StatusError',
      reason: 'NotFound',
      code: 404,
      message: 'it is NotFound',
    })
  })

  it('watches line by line whatever the chunks, and ends quietly when aborted', async () => {
    const abort = new AbortController()
    const names: string[] = []
    for await (const { object } of client.watch(pods, { resourceVersion: '7', signal: abort.signal })) {
      names.push(object.metadata.name)
      if (names.length === 2) abort.abort()
    }
    expect(names).toEqual(['ä', 'b'])
  })

  it('throws what an ERROR event carries', async () => {
    const drain = async () => {
      for await (const _event of client.watch(pods, { namespace: 'expired', signal: new AbortController().signal }));
    }
    await expect(drain()).rejects.toMatchObject({ reason: 'Expired', code: 410 })
  })

  it('says in one error that nobody answers', async () => {
    await expect(createHttpClient({ socketPath: path.join(folder, 'nobody.sock') }).list(pods)).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
  })
})

const selfSigned = async (name: string) => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const extensions = [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]), new x509.BasicConstraintsExtension(true)]
  const cert = await x509.X509CertificateGenerator.createSelfSigned({ name: `CN=${name}`, keys, signingAlgorithm: algorithm, extensions })
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n` }
}
