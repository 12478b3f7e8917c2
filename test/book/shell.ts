import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { eventually } from '../stories/harness.ts'
import type { Seen } from './transcript.ts'

export interface ShellOptions {
  readonly commands: readonly string[]
  readonly cwd: string
  readonly environment: NodeJS.ProcessEnv
  /** For the records of what was said. */
  readonly scratch: string
  /** Indexes of the commands that end only when they are interrupted. */
  readonly follows: readonly number[]
  /** Each command has a terminal of its own (and then no variables of the command before). */
  readonly terminal: boolean
  /** A resolv.conf of its own. */
  readonly resolvConf?: string
}

/**
 * The commands of one listing in one bash, as a reader types them one after the other: variables and folders carry over, each
 * command's output and exit code are kept apart, and one that follows is interrupted (SIGINT to its process group) when told.
 */
export class Shell {
  readonly #folder: string
  readonly #child: ChildProcess
  readonly #commands: readonly string[]
  readonly #exit: Promise<void>

  constructor(options: ShellOptions) {
    this.#commands = options.commands
    this.#folder = mkdtempSync(join(options.scratch, 'said-'))
    const script = join(this.#folder, 'script')
    writeFileSync(script, this.#script(options))
    const bash = ['bash', script]
    const [file = '', ...args] = options.resolvConf
      ? ['unshare', '--mount', 'sh', '-c', `mount --bind ${options.resolvConf} $(readlink -f /etc/resolv.conf) && exec "$@"`, 'sh', ...bash]
      : bash
    this.#child = spawn(file, args, { cwd: options.cwd, env: options.environment, stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    this.#exit = new Promise((resolve, reject) => this.#child.on('exit', () => resolve()).on('error', reject))
  }

  seen(): Seen[] {
    return this.#commands.map((command, index) => {
      const code = this.#read(index, 'code')
      return {
        command,
        code: code === undefined ? undefined : Number(code),
        output: stripVTControlCharacters(this.#read(index, 'said') ?? '').replaceAll('\r', ''),
      }
    })
  }

  /** Everything before the command has ended, and it has begun. */
  async reached(index: number): Promise<void> {
    await eventually(
      async () => existsSync(this.#file(index, 'said')) || this.#child.exitCode !== null,
      (held) => held,
      `command ${index + 1} begins`,
      90_000,
    )
  }

  /** As Ctrl-C does. */
  interrupt(index: number): void {
    writeFileSync(this.#file(index, 'stop'), '')
  }

  ended(): Promise<void> {
    return this.#exit
  }

  /** For a listing that failed: nothing of it stays. */
  async kill(): Promise<void> {
    for (const index of this.#commands.keys()) this.interrupt(index)
    const late = setTimeout(() => this.#child.pid && process.kill(-this.#child.pid, 'SIGKILL'), 3000)
    await this.#exit
    clearTimeout(late)
  }

  #script({ commands, follows, terminal }: ShellOptions): string {
    // A terminal whose other end was closed would type an end of file.
    const input = terminal ? '' : '</dev/null'
    const steps = commands.map((command, index) => {
      const [said, code, stop] = ['said', 'code', 'stop'].map((name) => this.#file(index, name))
      const typed = terminal ? `script -qefc ${quote(command)} /dev/null` : command
      if (!follows.includes(index)) return `{\n${typed}\n} ${input} >${said} 2>&1\necho $? >${code}`
      // Job control gives the command a process group that a Ctrl-C can reach.
      return `set -m
{
${typed}
} ${input} >${said} 2>&1 &
set +m
followed=$!
while kill -0 $followed 2>/dev/null && [ ! -e ${stop} ]; do sleep 0.1; done
kill -INT -- -$followed 2>/dev/null
for i in $(seq 50); do kill -0 $followed 2>/dev/null || break; sleep 0.1; done
kill -KILL -- -$followed 2>/dev/null
wait $followed
echo $? >${code}`
    })
    return `${steps.join('\n')}\n`
  }

  #file(index: number, name: string): string {
    return join(this.#folder, `${index}.${name}`)
  }

  #read(index: number, name: string): string | undefined {
    const file = this.#file(index, name)
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined
  }
}

const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`
