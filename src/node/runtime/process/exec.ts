import { spawn } from 'node:child_process'
import { closeSync, constants as fileConstants, existsSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import type { ExecOptions, ExecSession } from '../runtime.ts'
import { toolEnvironment } from './host-tools.ts'
import { readFifo } from './output.ts'
import { quote } from './shell.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import { TerminalSize } from './terminal.ts'

/** Pairs of FIFOs in a container's folder. Node's own pipes are sockets, which a program cannot open again as /dev/stdout. */
export const execPipeNames = [0, 1, 2].map((slot) => [`exec${slot}-out`, `exec${slot}-err`] as const)

interface Pipes {
  readonly stdout: Socket
  readonly stderr: Socket
  readonly redirect: string
  /** To be called when the command has ended: lets the readers see the end even if nothing was ever opened for writing. */
  finish(): void
}

/** Hands each FIFO pair to one command at a time. */
export class ExecPipes {
  readonly #taken = new Set<string>()

  take(folder: string): Pipes | undefined {
    const names = execPipeNames.find(([out]) => !this.#taken.has(join(folder, out)) && existsSync(join(folder, out)))
    if (!names) return undefined
    const [out, err] = [join(folder, names[0]), join(folder, names[1])]
    this.#taken.add(out)
    const [stdout, stderr] = [readFifo(out), readFifo(err)]
    let open = 2
    for (const socket of [stdout, stderr]) socket.on('error', () => {}).once('close', () => (open -= 1) === 0 && this.#taken.delete(out))
    return { stdout, stderr, redirect: `exec >${quote(out)} 2>${quote(err)}`, finish: () => [out, err].forEach(touchFifo) }
  }
}

/** `root` is the container's root as this machine reaches it. */
type StartOptions = ExecOptions & { readonly script: string; readonly folder: string; readonly root: string; readonly pipes: ExecPipes; readonly clock: Clock }

/** Runs a script that ends in the wanted command, with pipes or with a terminal. */
export function startExec(options: StartOptions): ExecSession {
  return options.tty ? withTerminal(options) : withPipes(options)
}

function withPipes(options: StartOptions): ExecSession {
  const pipes = options.pipes.take(options.folder)
  const script = pipes ? `${pipes.redirect}\n${options.script}` : options.script
  const output = pipes ? 'ignore' : 'pipe'
  const child = spawn('sh', ['-c', script], { cwd: '/', detached: true, env: toolEnvironment, stdio: [options.stdin ? 'pipe' : 'ignore', output, output] })
  child.stdin?.on('error', () => {})
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  }).finally(() => pipes?.finish())
  exited.catch(() => {})
  return {
    ...(child.stdin ? { stdin: child.stdin } : {}),
    stdout: pipes?.stdout ?? child.stdout!,
    stderr: pipes?.stderr ?? child.stderr!,
    resize() {},
    kill: () => killGroup(child.pid),
    exited,
  }
}

function touchFifo(path: string): void {
  try {
    closeSync(openSync(path, fileConstants.O_WRONLY | fileConstants.O_NONBLOCK))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENXIO' && code !== 'ENOENT') throw error
  }
}

const endOfTransmission = '\x04'

/** The relay's own input stays open until it ends by itself: what the client ends is said to the terminal. */
function withTerminal({ script, root, clock }: StartOptions): ExecSession {
  const child = spawn('sh', ['-c', script], { cwd: '/', detached: true, env: toolEnvironment, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })
  const size = new TerminalSize({ clock })
  child.stdio[3]?.once('data', (name: Buffer) => size.open(root + name.toString().trim()))
  const stdout = new PassThrough()
  for (const output of [child.stdout, child.stderr]) output.on('error', () => {}).pipe(stdout, { end: false })
  child.stdin.on('error', () => {})
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => size.whenSettled(() => void child.stdin.write(chunk, () => done())),
    final: (done) => void child.stdin.write(endOfTransmission, () => done()),
  })
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  }).finally(() => stdout.end())
  exited.catch(() => {})
  return { stdin, stdout, resize: (columns, rows) => size.set(columns, rows), kill: () => killGroup(child.pid), exited }
}

/** The session leader and all it started share its process group, as it was started detached. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
