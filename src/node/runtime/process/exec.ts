import { spawn } from 'node:child_process'
import { closeSync, constants as fileConstants, existsSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { PassThrough, Writable } from 'node:stream'
import type { ExecOptions, ExecSession } from '../runtime.ts'
import { toolEnvironment } from './host-tools.ts'
import { readFifo } from './output.ts'
import { quote } from './shell.ts'

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

type StartOptions = ExecOptions & { readonly script: string; readonly folder: string; readonly pipes: ExecPipes }

/** Runs a script that ends in the wanted command, with pipes or with a terminal. */
export function startExec(options: StartOptions): Promise<ExecSession> | ExecSession {
  return options.tty ? withTerminal(options.script) : withPipes(options)
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

async function withTerminal(script: string): Promise<ExecSession> {
  const { spawn: spawnTerminal } = await import('@homebridge/node-pty-prebuilt-multiarch')
  const terminal = spawnTerminal('sh', ['-c', script], {
    name: 'xterm',
    cols: 80,
    rows: 24,
    cwd: '/',
    env: { ...toolEnvironment, TERM: 'xterm' },
    encoding: null,
  })
  const stdout = new PassThrough()
  terminal.onData((data: string | Buffer) => stdout.write(data))
  const exited = new Promise<number>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => {
      stdout.end()
      resolve(signal ? 128 + signal : exitCode)
    })
  })
  // A character may be cut in two by the network; the terminal takes text.
  const decoder = new StringDecoder('utf8')
  const stdin = new Writable({
    write(chunk: Buffer, _encoding, done) {
      terminal.write(decoder.write(chunk))
      done()
    },
    final(done) {
      terminal.write('\x04')
      done()
    },
  })
  return { stdin, stdout, resize: (columns, rows) => terminal.resize(columns, rows), kill: () => killGroup(terminal.pid), exited }
}

/** The session leader and all it started share its process group, as it was started detached. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
