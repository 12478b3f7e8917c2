import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { ensureKubectl } from './kubectl-download.ts'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'knarr-kubectl-'))))
afterEach(() => rmSync(directory, { recursive: true }))

const program = '#!/bin/sh\necho kubectl\n'
const digest = createHash('sha256').update(program).digest('hex')
const path = '/release/v1.36.0/bin/linux/amd64/kubectl'

const serve = async (answer: RequestListener) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { asked, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
const files =
  (content: Readonly<Record<string, string>>): RequestListener =>
  ({ url = '' }, response) => {
    const text = content[url]
    response.writeHead(text === undefined ? 404 : 200).end(text)
  }
const ensure = (baseUrl: string) => ensureKubectl({ directory, baseUrl, version: 'v1.36.0', platform: 'linux', arch: 'x64', onFetch: () => undefined })

it('fetches it once, checked and executable', async () => {
  const { asked, baseUrl } = await serve(files({ [path]: program, [`${path}.sha256`]: `${digest}\n` }))
  const file = await ensure(`${baseUrl}/`)
  expect(readFileSync(file, 'utf8')).toBe(program)
  expect(statSync(file).mode & 0o111).toBe(0o111)
  expect(await ensure(baseUrl)).toBe(file)
  expect(asked).toEqual([`${path}.sha256`, path])
})

const refusals: readonly (readonly [string, RequestListener, RegExp])[] = [
  ['another content', files({ [path]: `${program}evil`, [`${path}.sha256`]: digest }), /is not what its \.sha256 says; it was thrown away/],
  ['no digest', files({ [path]: program }), /kubectl\.sha256 answers 404\. Install kubectl/],
  ['no such file', files({ [`${path}.sha256`]: digest }), /bin\/linux\/amd64\/kubectl answers 404\. Install kubectl/],
  [
    'an answer that is cut off',
    (request, response) => {
      if (request.url !== path) return void response.end(digest)
      response.writeHead(200, { 'content-length': 1_000_000 }).write(program, () => response.destroy())
    },
    /kubectl was cut off \(.+\)\. Try again/,
  ],
]

it.each(refusals)('refuses %s in one line and keeps nothing', async (_, answer, message) => {
  const { baseUrl } = await serve(answer)
  const refused = ensure(baseUrl)
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toThrow(/^[^\n]*$/)
  expect(readdirSync(directory)).toEqual([])
})

it('says what to do without a network', async () => {
  await expect(ensure('http://127.0.0.1:1')).rejects.toThrow(
    /^no kubectl is on the PATH, and http:\/\/127\.0\.0\.1:1 cannot be reached \(.+\)\. Install kubectl, or name a mirror with KNARR_KUBECTL_BASE_URL$/,
  )
})
