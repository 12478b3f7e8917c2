import { type ChildProcess, spawn } from 'node:child_process'
import { toolEnvironment } from './host-tools.ts'

/** One word for sh, whatever is in it. */
export const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Starts a long-lived helper in a session of its own; resolves when it says `ok`, rejects with what it said instead. */
export function startDetached(command: readonly string[], cwd: string): Promise<ChildProcess> {
  return whenOk(spawn(command[0]!, command.slice(1), { cwd, detached: true, env: toolEnvironment, stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** A long-lived shell in a session of its own that waits for its script; `command` leads to it. */
export const spawnShell = (command: readonly string[]): ChildProcess =>
  spawn(command[0]!, command.slice(1), { cwd: '/', detached: true, env: toolEnvironment, stdio: ['pipe', 'pipe', 'pipe'] })

/** Gives a waiting shell its script, to be read as a whole before any of it runs; settles as `startDetached` does. */
export function instruct(shell: ChildProcess, script: string): Promise<ChildProcess> {
  const started = whenOk(shell)
  // A shell that has ended tells by its output; writing to it is no fault of its own.
  shell.stdin!.on('error', () => {}).end(`{\n${script}\n}\n`)
  return started
}

function whenOk(child: ChildProcess): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const [stdout, stderr] = [child.stdout!, child.stderr!]
    let said = ''
    let complaint = ''
    const settle = (act: () => void) => {
      stdout.removeAllListeners('data').destroy()
      stderr.destroy()
      child.unref()
      act()
    }
    stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
    stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (/^ok$/m.test(said)) settle(() => resolve(child))
    })
    child.on('error', reject)
    let closed = 0
    const refuse = () =>
      (closed += 1) === 2 && settle(() => reject(new Error(complaint.trim() || said.trim() || `${child.spawnfile} ended before it was ready`)))
    stdout.on('close', refuse)
    stderr.on('close', refuse)
  })
}

/** Runs a script to its end and gives what it wrote. */
export function runScript(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', script], { env: toolEnvironment, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    let complaint = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(said) : reject(new Error(complaint.trim() || `script ended with ${code}`))))
  })
}
