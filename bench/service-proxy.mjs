// `node bench/service-proxy.mjs`: how long the kernel takes to learn Services by nft, in a network namespace of its own. Needs root.
// A line a figure; nothing here asserts a time.
import { build } from 'esbuild'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const script = `
import { createNftProxy } from './nft-proxy.ts'
import { systemClock as clock } from '../../../base/lib/clock.ts'

const log = { warn: (facts, text) => console.error(text, facts) }
const start = () => createNftProxy({ clock, log, signal: new AbortController().signal, nodes: () => [], masqueradeAs: '10.200.0.1' })
const service = (n, endpoints = 3) => [
  'bench/s' + n,
  [{
    address: '10.96.' + (n >> 8) + '.' + (n & 255), port: 80, protocol: 'TCP', servicePort: 'bench/s' + n + ':http', whenEmpty: 'refuse', affinitySeconds: 0,
    endpoints: Array.from({ length: endpoints }, (_, e) => ({ ip: '10.' + (128 + e) + '.' + (n >> 8) + '.' + (n & 255), port: 8080, node: 'n' })),
  }],
]
const services = (from, to) => new Map(Array.from({ length: to - from }, (_, n) => service(from + n)))
const timed = async (name, proxy, changes) => {
  const startedMs = performance.now()
  proxy.apply(changes)
  await proxy.settled()
  console.log(name.padEnd(60) + (performance.now() - startedMs).toFixed(0).padStart(8) + ' ms')
}
const proxy = start()
await timed('nftables: 1,000 Services of 3 endpoints, all at once', proxy, services(0, 1000))
await timed('nftables: one endpoint changes among 1,000 Services', proxy, new Map([service(7, 2)]))
await timed('nftables: 4,000 Services more', proxy, services(1000, 5000))
await timed('nftables: one endpoint changes among 5,000 Services', proxy, new Map([service(7, 3)]))
await timed('nftables: one Service comes among 5,000', proxy, services(5000, 5001))
await timed('nftables: a new agent finds 5,000 Services as they shall be', start(), services(0, 5001))
process.exit()
`
const folder = mkdtempSync(join(tmpdir(), 'knarr-bench-'))
try {
  const outfile = join(folder, 'bench.mjs')
  const resolveDir = join(import.meta.dirname, '..', 'src/node/network/service-proxy')
  await build({ stdin: { contents: script, resolveDir, loader: 'ts' }, bundle: true, platform: 'node', format: 'esm', outfile })
  process.stdout.write(execFileSync('unshare', ['--net', process.execPath, outfile], { encoding: 'utf8' }))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
