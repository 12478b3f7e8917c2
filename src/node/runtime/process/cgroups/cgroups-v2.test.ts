import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { openCgroups } from './cgroups.ts'
import { CgroupsV2 } from './cgroups-v2.ts'
import { cpuWeightOf } from './cpu.ts'
import { FakeCgroupKernel } from './fake-cgroup-kernel.ts'

const pod = 'kubepods/burstable/pod1'
const container = `${pod}/c1`

const open = (kernel: FakeCgroupKernel) => new CgroupsV2({ tree: kernel, mountPoint: '/sys/fs/cgroup', name: 'knarr-test' })

describe('control groups of version 2', () => {
  it('set the limits that the kernel has files for', () => {
    const kernel = new FakeCgroupKernel({ rootProcesses: [1, 2] })
    open(kernel).create(container, { cpuShares: 512, cpuQuotaMicros: 50_000, memoryLimitBytes: 64 * 2 ** 20, unified: { 'memory.oom.group': '1' } })
    const files = ['cpu.weight', 'cpu.max', 'memory.max', 'memory.swap.max', 'memory.oom.group'].map((file) => kernel.read(`knarr-test/${container}/${file}`))
    expect(files).toEqual(['59', '50000 100000', '67108864', '0', '1'])
    expect(kernel.processesOf('')).toEqual([1, 2])
  })

  it('hand controllers down from the root to the parent of the group, and keep them out of the group itself', () => {
    const kernel = new FakeCgroupKernel()
    open(kernel).create(container, {})
    const handedDown = ['', 'knarr-test/', 'knarr-test/kubepods/', `knarr-test/${pod}/`, `knarr-test/${container}/`].map((group) =>
      kernel.read(`${group}cgroup.subtree_control`)?.trim(),
    )
    expect(handedDown).toEqual(['cpu memory pids', 'cpu memory pids', 'cpu memory pids', 'cpu memory pids', ''])
    kernel.write(`knarr-test/${container}/cgroup.procs`, '7')
    expect(open(kernel).processes('')).toEqual([7])
    expect(() => kernel.write(`knarr-test/${pod}/cgroup.procs`, '8')).toThrow('EBUSY')
  })

  it('move the processes of a container they run in out of its root, which must have none', () => {
    const kernel = new FakeCgroupKernel({ rootProcesses: [1, 20, 21], isContainer: true })
    open(kernel).create(container, { memoryLimitBytes: 1024 })
    expect(kernel.processesOf('')).toEqual([])
    expect(kernel.processesOf('init')).toEqual([1, 20, 21])
    expect(kernel.read(`knarr-test/${container}/memory.max`)).toBe('1024')
  })

  it('go without what is not theirs to hand down', () => {
    const kernel = new FakeCgroupKernel({ controllers: ['memory'] })
    open(kernel).create(container, { cpuShares: 512, memoryLimitBytes: 1024 })
    expect([kernel.read(`knarr-test/${container}/cpu.weight`), kernel.read(`knarr-test/${container}/memory.max`)]).toEqual([undefined, '1024'])
  })

  it('change the limits of a group that is there, and hand down anew what was removed', () => {
    const kernel = new FakeCgroupKernel()
    const cgroups = open(kernel)
    cgroups.create('kubepods/burstable', { cpuShares: 2 })
    cgroups.create('kubepods/burstable', { cpuShares: 1024 })
    expect(kernel.read('knarr-test/kubepods/burstable/cpu.weight')).toBe('100')
    expect(cgroups.remove('')).toBe(true)
    cgroups.create(container, { memoryLimitBytes: 1024 })
    expect(kernel.read(`knarr-test/${container}/memory.max`)).toBe('1024')
  })

  it('tell what was used and what was killed for want of memory', () => {
    const kernel = new FakeCgroupKernel()
    const cgroups = open(kernel)
    cgroups.create(container, {})
    const at = `knarr-test/${container}`
    kernel.set(`${at}/memory.events`, 'low 0\nhigh 0\nmax 8\noom 1\noom_kill 3\noom_group_kill 1\n')
    kernel.set(`${at}/memory.current`, '1000\n')
    kernel.set(`${at}/memory.stat`, 'anon 5\ninactive_file 400\n')
    kernel.set(`${at}/cpu.stat`, 'usage_usec 250\nuser_usec 200\n')
    expect(cgroups.oomKills(container)).toBe(3)
    expect(cgroups.usage(container)).toEqual({ cpuNanos: 250_000, memoryBytes: 600 })
    expect(cgroups.usage('kubepods/none')).toBeUndefined()
  })

  it('are not removed while a process is left, and are after it was killed', () => {
    const kernel = new FakeCgroupKernel()
    const cgroups = open(kernel)
    cgroups.create(container, {})
    kernel.write(`knarr-test/${container}/cgroup.procs`, '7')
    expect(cgroups.remove('')).toBe(false)
    cgroups.kill(container)
    expect(cgroups.remove('')).toBe(true)
    expect(kernel.exists('knarr-test')).toBe(false)
  })
})

describe('the weight of CPU shares', () => {
  it.each([
    [0, 1],
    [2, 1],
    [102, 17],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262_144, 10_000],
    [1_000_000, 10_000],
  ])('%i become %i', (shares, weight) => {
    expect(cpuWeightOf(shares)).toBe(weight)
  })
})

// Where version 2 is mounted beside version 1 it has no controllers, but groups, membership and cgroup.kill are the kernel's own.
const unified = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(`${path}/cgroup.controllers`))
const isUsable = unified !== undefined && process.getuid?.() === 0

describe.skipIf(!isUsable)('a real tree of version 2 (needs root)', () => {
  it('takes a process in, kills it with its group, and is gone afterwards', async () => {
    const cgroups = openCgroups(`knarr-test-v2-${process.pid}`, unified)
    expect(cgroups.version).toBe(2)
    try {
      cgroups.create(container, { cpuShares: 512, memoryLimitBytes: 2 ** 30 })
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
      const ended = once(child, 'exit')
      for (const file of cgroups.joinFiles(container)) writeFileSync(file, String(child.pid))
      expect(cgroups.processes('')).toEqual([child.pid])
      expect(cgroups.remove('')).toBe(false)
      cgroups.kill(pod)
      expect((await ended)[1]).toBe('SIGKILL')
    } finally {
      cgroups.kill('')
      expect(cgroups.remove('')).toBe(true)
    }
  })
})
