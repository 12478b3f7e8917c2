import { join } from 'node:path'
import type { CgroupTree } from './cgroup-tree.ts'

interface Group {
  readonly files: Map<string, string>
  readonly handedDown: Set<string>
  processes: number[]
}

const filesOf: Readonly<Record<string, readonly string[]>> = {
  cpu: ['cpu.weight', 'cpu.max'],
  memory: ['memory.max', 'memory.swap.max', 'memory.oom.group', 'memory.events', 'memory.current', 'memory.stat'],
  pids: ['pids.max'],
}

const refuse = (code: string): never => {
  throw Object.assign(new Error(code), { code })
}

const parentOf = (path: string) => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '')

/**
 * For tests: version 2 by the kernel's rules. Files of a controller are there only where the parent hands it down; a group (the
 * machine's root aside) has either processes or controllers to hand down.
 */
export class FakeCgroupKernel implements CgroupTree {
  readonly #groups = new Map<string, Group>()
  readonly #controllers: readonly string[]
  readonly #isContainer: boolean

  constructor(options: { controllers?: readonly string[]; rootProcesses?: readonly number[]; isContainer?: boolean } = {}) {
    this.#controllers = options.controllers ?? ['cpuset', 'cpu', 'io', 'memory', 'pids']
    this.#isContainer = options.isContainer ?? false
    this.#groups.set('', { files: new Map(), handedDown: new Set(), processes: [...(options.rootProcesses ?? [])] })
  }

  processesOf(path: string): readonly number[] {
    return this.#group(path).processes
  }

  /** The kernel's side of a file. */
  set(path: string, text: string): void {
    this.#group(parentOf(path)).files.set(path.slice(parentOf(path).length + 1), text)
  }

  exists(path: string): boolean {
    return this.#groups.has(join(path).replace(/^\.$/, '')) || this.read(path) !== undefined
  }

  make(path: string): void {
    if (this.#groups.has(path)) return
    if (path.includes('/')) this.make(parentOf(path))
    this.#groups.set(path, { files: new Map(), handedDown: new Set(), processes: [] })
  }

  read(path: string): string | undefined {
    const [folder, file] = [parentOf(path), path.slice(path.lastIndexOf('/') + 1)]
    const group = this.#groups.get(folder)
    if (!group) return undefined
    if (file === 'cgroup.controllers') return `${this.#available(folder).join(' ')}\n`
    if (file === 'cgroup.subtree_control') return `${[...group.handedDown].join(' ')}\n`
    if (file === 'cgroup.procs') return group.processes.map((pid) => `${pid}\n`).join('')
    if (file === 'cgroup.kill') return folder === '' ? undefined : ''
    const isThere = folder !== '' && this.#available(folder).some((controller) => filesOf[controller]?.includes(file))
    return isThere || group.files.has(file) ? (group.files.get(file) ?? '') : undefined
  }

  write(path: string, text: string): void {
    const [folder, file] = [parentOf(path), path.slice(path.lastIndexOf('/') + 1)]
    const group = this.#group(folder)
    if (file === 'cgroup.subtree_control') return this.#handDown(folder, text.slice(1))
    if (file === 'cgroup.procs') return this.#move(Number(text), folder)
    if (file === 'cgroup.kill') {
      for (const [name, one] of this.#groups) if (name === folder || name.startsWith(`${folder}/`)) one.processes = []
      return
    }
    if (this.read(path) === undefined) refuse('EACCES')
    group.files.set(file, text)
  }

  children(path: string): readonly string[] {
    return [...this.#groups.keys()].filter((name) => name !== '' && parentOf(name) === path)
  }

  remove(path: string): boolean {
    if (this.children(path).length || this.#group(path).processes.length) return false
    return this.#groups.delete(path)
  }

  kill(pid: number): void {
    for (const group of this.#groups.values()) group.processes = group.processes.filter((one) => one !== pid)
  }

  #group(path: string): Group {
    return this.#groups.get(path) ?? refuse('ENOENT')
  }

  #available(path: string): readonly string[] {
    return path === '' ? this.#controllers : [...this.#group(parentOf(path)).handedDown]
  }

  #mayHoldBoth(path: string): boolean {
    return path === '' && !this.#isContainer
  }

  #handDown(path: string, controller: string): void {
    if (!this.#available(path).includes(controller)) refuse('ENOENT')
    if (this.#group(path).processes.length && !this.#mayHoldBoth(path)) refuse('EBUSY')
    this.#group(path).handedDown.add(controller)
  }

  #move(pid: number, path: string): void {
    if (this.#group(path).handedDown.size && !this.#mayHoldBoth(path)) refuse('EBUSY')
    this.kill(pid)
    this.#group(path).processes.push(pid)
  }
}
