import { spawn } from 'node:child_process'

/** A command of the machine failed; the message holds the command and its last words. */
export class CommandError extends Error {
  readonly exitCode: number | null
  readonly stderr: string

  constructor(argv: readonly string[], exitCode: number | null, stderr: string) {
    super(`${argv.join(' ')} failed (${exitCode}): ${stderr.trim() || 'no message'}`)
    this.name = 'CommandError'
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

/** Runs a command to its end and gives its standard output. Throws `CommandError`, or the spawn error (ENOENT). */
export const runCommand = (argv: readonly string[], input = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {})
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString())
      else reject(new CommandError(argv, code, Buffer.concat(err).toString()))
    })
    child.stdin.end(input)
  })

/** The argv prefix that runs a command inside a network namespace, named by its file (`/run/netns/x`, `/proc/PID/ns/net`). */
export const enterNetns = (file: string): readonly string[] => ['nsenter', `--net=${file}`, '--']

/** Applies `ip` commands in order with one process, stopping at the first that fails. `enter` is a prefix from `enterNetns`. */
export const ipBatch = async (lines: readonly string[], enter: readonly string[] = []): Promise<void> => {
  await runCommand([...enter, 'ip', '-batch', '-'], lines.join('\n') + '\n')
}

/** Runs `ip -j ...` and parses what it says; an empty answer is an empty list. */
export const ipJson = async <T>(args: readonly string[], enter: readonly string[] = []): Promise<readonly T[]> => {
  const text = await runCommand([...enter, 'ip', '-j', ...args])
  return text.trim() ? (JSON.parse(text) as T[]) : []
}

/** Runs several `show` commands with one process: the answer of each. None of them may fail, or the answers would not be told apart. */
export const ipShow = async (lines: readonly string[], enter: readonly string[] = []): Promise<readonly (readonly unknown[])[]> => {
  const text = await runCommand([...enter, 'ip', '-j', '-4', '-batch', '-'], lines.join('\n') + '\n')
  return text
    .split('\n')
    .filter((line) => line.trim())
    .map((line) => JSON.parse(line) as unknown[])
}

/** Runs a command and swallows its failure: for removing what may not be there. */
export const tryCommand = async (argv: readonly string[], input = ''): Promise<boolean> =>
  runCommand(argv, input).then(
    () => true,
    () => false,
  )
