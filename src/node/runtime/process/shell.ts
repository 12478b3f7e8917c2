import { type ChildProcess, spawn } from 'node:child_process'
import { toolEnvironment } from './host-tools.ts'

/** One word for sh, whatever is in it. */
export const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Starts a long-lived helper in a session of its own; resolves when it says `ok`, rejects with what it said instead. */
export function startDetached(command: readonly string[], cwd: string): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), { cwd, detached: true, env: toolEnvironment, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    let complaint = ''
    const settle = (act: () => void) => {
      child.stdout.removeAllListeners('data').destroy()
      child.stderr.destroy()
      child.unref()
      act()
    }
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (/^ok$/m.test(said)) settle(() => resolve(child))
    })
    child.on('error', reject)
    let closed = 0
    const refuse = () => (closed += 1) === 2 && settle(() => reject(new Error(complaint.trim() || said.trim() || `${command[0]} ended before it was ready`)))
    child.stdout.on('close', refuse)
    child.stderr.on('close', refuse)
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
