import { readdirSync, readFileSync } from 'node:fs'

const attempt = (read, otherwise) => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const statOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number)
  return [{ pid: Number(pid), parent: fields[1], ticks: fields[11] + fields[12] }]
}

/** The tree of a profile's processes without the containers: PSS in bytes, CPU ticks. */
export function footprint(bench) {
  const roots = ['server', 'agent'].flatMap((role) => ['pid', 'supervisor'].map((kind) => Number(attempt(() => bench.file(`run/${role}.${kind}`), 0))))
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => attempt(() => statOf(pid), []))
  const mine = new Set(roots.filter(Boolean))
  for (let grew = true; grew;) {
    const before = mine.size
    for (const { pid, parent } of stats) if (mine.has(parent)) mine.add(pid)
    grew = mine.size > before
  }
  const pssOf = (pid) => 1024 * Number(/^Pss:\s+(\d+)/m.exec(attempt(() => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), ''))?.[1] ?? 0)
  return {
    pssBytes: [...mine].reduce((sum, pid) => sum + pssOf(pid), 0),
    ticks: stats.filter(({ pid }) => mine.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0),
  }
}
