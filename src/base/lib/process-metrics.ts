import { readFileSync, readdirSync } from 'node:fs'
import type { Clock } from './clock.ts'
import type { MetricRegistry } from './metrics.ts'

/** The `process_*` metrics of this process, as Go's and Node's clients name them. Read at each collection. */
export function addProcessMetrics(registry: MetricRegistry, clock: Clock): void {
  const gauge = (name: string, help: string) => registry.gauge({ name, help })
  const cpu = registry.gauge({ name: 'process_cpu_seconds_total', help: 'Total user and system CPU time spent in seconds.' })
  const resident = gauge('process_resident_memory_bytes', 'Resident memory size in bytes.')
  const virtual = gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.')
  const files = gauge('process_open_fds', 'Number of open file descriptors.')
  const started = gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.')
  const heap = gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.')
  started.set(Math.round(clock.now() / 1000 - process.uptime()))
  registry.onCollect(() => {
    const { user, system } = process.cpuUsage()
    cpu.set((user + system) / 1_000_000)
    const memory = process.memoryUsage()
    resident.set(memory.rss)
    heap.set(memory.heapUsed)
    virtual.set(virtualBytes())
    files.set(openFiles())
  })
}

/** 0 where there is no /proc. */
const virtualBytes = (): number => Number(/^VmSize:\s+(\d+)/m.exec(read('/proc/self/status'))?.[1] ?? 0) * 1024

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
