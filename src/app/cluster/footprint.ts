import { readdirSync, readFileSync } from 'node:fs'
import { rolePid, roles } from './supervisor.ts'
import type { ProfilePaths } from './profile.ts'

export interface Footprint {
  /** Proportional set size of Knarr's own processes (proc(5), smaps_rollup); containers are not counted. */
  readonly pssBytes: number
  readonly cpuSeconds: number
  readonly cpuPercent: number
  readonly ageSeconds: number
}

const ticksPerSecond = 100

/** What the roles of a profile and their children use. Zeroes where there is no /proc. */
export function measureTree(paths: ProfilePaths): Footprint {
  const processes = readProcesses()
  const pids = new Set(roles.map((role) => rolePid(paths, role)).filter((pid) => pid !== undefined))
  for (const process of processes) if (pids.has(process.parent)) pids.add(process.pid)
  const mine = processes.filter((process) => pids.has(process.pid))
  const uptime = Number(read('/proc/uptime').split(' ')[0] ?? 0)
  const cpuSeconds = mine.reduce((sum, process) => sum + process.cpuTicks, 0) / ticksPerSecond
  const ageSeconds = mine.length ? uptime - Math.min(...mine.map((process) => process.startTicks)) / ticksPerSecond : 0
  return {
    pssBytes: mine.reduce((sum, process) => sum + pssOf(process.pid), 0),
    cpuSeconds,
    cpuPercent: ageSeconds ? (100 * cpuSeconds) / ageSeconds : 0,
    ageSeconds,
  }
}

function readProcesses() {
  const pids = list('/proc').filter((name) => /^\d+$/.test(name))
  return pids
    .flatMap((pid) => {
      const fields = read(`/proc/${pid}/stat`)
        .replace(/^.*\) /, '')
        .split(' ')
        .map(Number)
      if (fields.length < 20) return []
      return [{ pid: Number(pid), parent: fields[1] ?? 0, cpuTicks: (fields[11] ?? 0) + (fields[12] ?? 0), startTicks: fields[19] ?? 0 }]
    })
    .sort((a, b) => a.startTicks - b.startTicks)
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
