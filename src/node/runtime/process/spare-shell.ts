import type { ChildProcess } from 'node:child_process'
import type { Clock } from '../../../base/lib/clock.ts'
import { spawnShell } from './shell.ts'

export interface SpareShellOptions {
  /** Becomes a shell that reads what it is to do from its standard input. */
  readonly command: readonly string[]
  readonly clock: Clock
  /** How long after one was taken the next is made: not while that Pod still starts. */
  readonly delayMs: number
}

/**
 * One shell ahead, in namespaces of its own, for the next Pod: making a network namespace is the slowest step of a sandbox.
 * An unused one sees the end of its input, and ends, when the agent goes, however that comes about.
 */
export class SpareShell {
  readonly #options: SpareShellOptions
  #shell: ChildProcess | undefined
  #cancel = () => {}
  #isClosed = false

  constructor(options: SpareShellOptions) {
    this.#options = options
    this.#makeLater()
  }

  /** The spare one where there is one, or one made now. */
  take(): ChildProcess {
    const shell = this.#shell
    this.#shell = undefined
    if (!shell || shell.exitCode !== null || shell.signalCode !== null) return spawnShell(this.#options.command)
    this.#makeLater()
    return shell
  }

  close(): void {
    this.#isClosed = true
    this.#cancel()
    this.#shell?.kill('SIGKILL')
  }

  #makeLater(): void {
    const { clock, delayMs, command } = this.#options
    this.#cancel = clock.after(delayMs, () => {
      if (this.#isClosed) return
      this.#shell = spawnShell(command)
      // What it complains of is read when it is used; it must not keep the agent alive.
      this.#shell.on('error', () => (this.#shell = undefined)).unref()
    })
  }
}
