import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { PassThrough, Writable } from 'node:stream'
import type { ExecOptions, ExecSession } from '../runtime.ts'
import { toolEnvironment } from './host-tools.ts'

/** Runs a script that ends in the wanted command, with pipes or with a terminal. */
export function startExec(script: string, options: ExecOptions): Promise<ExecSession> | ExecSession {
  return options.tty ? withTerminal(script) : withPipes(script, options)
}

function withPipes(script: string, options: ExecOptions): ExecSession {
  const child = spawn('sh', ['-c', script], { cwd: '/', detached: true, env: toolEnvironment, stdio: [options.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] })
  child.stdin?.on('error', () => {})
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
  exited.catch(() => {})
  return {
    ...(child.stdin ? { stdin: child.stdin } : {}),
    stdout: child.stdout!,
    stderr: child.stderr!,
    resize() {},
    kill: () => killGroup(child.pid),
    exited,
  }
}

async function withTerminal(script: string): Promise<ExecSession> {
  const { spawn: spawnTerminal } = await import('@homebridge/node-pty-prebuilt-multiarch')
  const terminal = spawnTerminal('sh', ['-c', script], { name: 'xterm', cols: 80, rows: 24, cwd: '/', env: { ...toolEnvironment, TERM: 'xterm' }, encoding: null })
  const stdout = new PassThrough()
  terminal.onData((data: string | Buffer) => stdout.write(data))
  const exited = new Promise<number>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => {
      stdout.end()
      resolve(signal ? 128 + signal : exitCode)
    })
  })
  const stdin = new Writable({
    write(chunk: Buffer, _encoding, done) {
      terminal.write(chunk.toString())
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
