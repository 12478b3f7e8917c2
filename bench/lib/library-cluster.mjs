import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { accessOf } from './cluster.mjs'

const program = join(dirname(fileURLToPath(import.meta.url)), 'in-process.mjs')

/** Starts a simulated cluster with this many nodes beside the benchmark. */
export async function startLibraryCluster(bench, nodes) {
  const child = spawn(process.execPath, [program, join(dirname(bench.main), 'testing.js'), String(nodes)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    access: accessOf(JSON.parse(line)),
    async close() {
      const exited = once(child, 'exit')
      child.stdin.end()
      await exited
    },
  }
}
