import { readdirSync, readFileSync } from 'node:fs'
import type { Clock } from '../../base/lib/clock.ts'
import type { ProfilePaths } from './profile.ts'
import { rolePid, roles } from './supervisor.ts'

/** What Knarr's own processes of a cluster use; containers are not counted. Zeroes where there is no /proc. */
export interface Footprint {
  /** Proportional set size (proc(5), smaps_rollup). */
  readonly pssBytes: number
  /** Of one core, between two looks. */
  readonly cpuPercent: number
  readonly ageSeconds: number
}

const ticksPerSecond = 100
const sampleMs = 300

/** Looks twice, a moment apart: what a cluster used to start says nothing of what it uses now. */
export async function measureTree(paths: ProfilePaths, clock: Clock): Promise<Footprint> {
  const processes = treeOf(paths)
  const before = new Map(processes.map(({ pid }) => [pid, cpuNanosOf(pid)]))
  const startedMs = clock.monotonic()
  await clock.sleep(sampleMs)
  const elapsedNanos = (clock.monotonic() - startedMs) * 1e6
  const usedNanos = processes.reduce((sum, { pid }) => sum + Math.max(0, cpuNanosOf(pid) - (before.get(pid) ?? 0)), 0)
  const uptime = Number(read('/proc/uptime').split(' ')[0] ?? 0)
  return {
    pssBytes: processes.reduce((sum, { pid }) => sum + pssOf(pid), 0),
    cpuPercent: elapsedNanos ? (100 * usedNanos) / elapsedNanos : 0,
    ageSeconds: processes.length ? uptime - Math.min(...processes.map((process) => process.startTicks)) / ticksPerSecond : 0,
  }
}

/** The roles and their children. */
function treeOf(paths: ProfilePaths) {
  const processes = readProcesses()
  const pids = new Set(roles.map((role) => rolePid(paths, role)).filter((pid) => pid !== undefined))
  for (const process of processes) if (pids.has(process.parent)) pids.add(process.pid)
  return processes.filter((process) => pids.has(process.pid))
}

function readProcesses() {
  const pids = list('/proc').filter((name) => /^\d+$/.test(name))
  return pids
    .flatMap((pid) => {
      const fields = statOf(pid)
      return fields.length < 20 ? [] : [{ pid: Number(pid), parent: fields[1] ?? 0, startTicks: fields[19] ?? 0 }]
    })
    .sort((a, b) => a.startTicks - b.startTicks)
}

/** The fields of /proc/PID/stat from the third on (proc(5)). */
const statOf = (pid: string | number): number[] =>
  read(`/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number)

/** From each thread's schedstat; where the kernel keeps none, from the ticks of 10 ms in stat. */
export function cpuNanosOf(pid: number): number {
  const threads = list(`/proc/${pid}/task`).map((thread) => Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] || Number.NaN))
  const nanos = threads.reduce((sum, each) => sum + each, 0)
  if (threads.length > 0 && !Number.isNaN(nanos)) return nanos
  const fields = statOf(pid)
  return (((fields[11] ?? 0) + (fields[12] ?? 0)) * 1e9) / ticksPerSecond
}

const pssOf = (pid: number) => 1024 * Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
