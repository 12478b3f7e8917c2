import { spawn } from 'node:child_process'
import type { Clock } from '../../../base/lib/clock.ts'
import { toolEnvironment } from './host-tools.ts'
import { devptsOptions } from './root-filesystem.ts'
import { quote } from './shell.ts'

/**
 * A terminal of a container's own devpts, so that `tty` in it names /dev/pts/N, although the one who keeps its other end stays outside.
 * `script` opens /dev/ptmx and copies between the terminal and its own input and output; it needs this machine's root to run, and the
 * container's /dev/pts in it. Hence a mount namespace in between:
 *
 *     agent or launcher ── pipes ── script (this machine's root, container's /dev/pts) ── /dev/pts/N ── command (container)
 */
const copy = (command: string) => `SHELL=/bin/sh exec script -q -e -f -c ${quote(command)} /dev/null`

const sized = 'stty rows 24 cols 80 echo'

/** For one more command in a running container. The name of the terminal is said on descriptor 3, for `TerminalSize`. */
export function execTerminalScript(options: {
  readonly initPid: number
  readonly uid: number
  readonly joinFiles: readonly string[]
  readonly sh: readonly string[]
  readonly enter: readonly string[]
  readonly command: readonly string[]
}): string {
  const root = `/proc/${options.initPid}/root`
  const words = (list: readonly string[]) => list.map(quote).join(' ')
  // Opened again by the container's own path: a name from outside its mount namespace is none to ttyname(3).
  const inside = `exec <>"$0" >&0 2>&0; exec ${words(options.command)}`
  const command = [
    sized,
    'name=$(tty)',
    `chown ${options.uid} "$name"`,
    'echo "$name" >&3',
    `exec ${words(options.enter)} ${words(options.sh)} -c ${quote(inside)} "$name" 3>&- 2>/dev/null`,
  ].join('\n')
  const links = ['null', 'tty', 'pts', 'pts/ptmx'].map((name) => `ln -s ${root}/dev/${name} /dev/${name.split('/').at(-1)}`)
  return [
    ...options.joinFiles.map((file) => `echo 0 >${quote(file)}`),
    `exec unshare --mount sh -c ${quote(['mount -t tmpfs -o mode=755,size=64k tmpfs /dev', ...links, copy(command)].join('\n'))}`,
  ].join('\n')
}

/** For a container's first process: a devpts is made before the container's root is, which then shows it as its own /dev/pts. */
export function containerTerminalScript(options: { readonly devpts: string; readonly uid: number; readonly command: string }): string {
  const { devpts, uid, command } = options
  return [
    'set -e',
    `mkdir -p ${quote(devpts)}`,
    `mount -t devpts -o ${devptsOptions} devpts ${quote(devpts)}`,
    `mount --bind ${quote(devpts)} /dev/pts`,
    copy([sized, `chown ${uid} /dev/pts/0`, command].join('\n')),
  ].join('\n')
}

// Sizes come in bursts (kubectl attach says one too large and then the true one, so that the screen is drawn anew), input beside them.
const quietMs = 25

/**
 * Tells a terminal its size, and so its programs by SIGWINCH: one size at a time, the newest wins; one that comes before the terminal's
 * name waits for it.
 */
export class TerminalSize {
  readonly #clock: Clock
  readonly #tell: TellSize
  readonly #settled: (() => void)[] = []
  #device: string | undefined
  #wanted: readonly [columns: number, rows: number] | undefined
  #isTelling = false
  #isQuiet = false
  #cancelQuiet = () => {}

  constructor(options: { readonly clock: Clock; readonly tell?: TellSize }) {
    this.#clock = options.clock
    this.#tell = options.tell ?? tellByStty
    this.#awaitQuiet()
  }

  /** The device as this machine's root reaches it, such as `/proc/123/root/dev/pts/0`. */
  open(device: string): void {
    this.#device = device
    this.#apply()
  }

  set(columns: number, rows: number): void {
    this.#wanted = [columns, rows]
    this.#awaitQuiet()
    this.#apply()
  }

  /** Calls back when the terminal has the size that came last and no more came for a moment: what was typed after a size must not overtake it. */
  whenSettled(callback: () => void): void {
    this.#settled.push(callback)
    this.#settle()
  }

  #awaitQuiet(): void {
    this.#isQuiet = false
    this.#cancelQuiet()
    this.#cancelQuiet = this.#clock.after(quietMs, () => {
      this.#isQuiet = true
      this.#settle()
    })
  }

  #apply(): void {
    if (!this.#device || !this.#wanted || this.#isTelling) return
    const [columns, rows] = this.#wanted
    this.#wanted = undefined
    this.#isTelling = true
    this.#tell({ device: this.#device, columns, rows }, () => {
      this.#isTelling = false
      this.#apply()
      this.#settle()
    })
  }

  #settle(): void {
    // Without a terminal there is nobody to be overtaken: its input waits in the pipe.
    if (!this.#isQuiet || this.#isTelling || (this.#wanted && this.#device)) return
    for (const callback of this.#settled.splice(0)) callback()
  }
}

type TellSize = (size: { readonly device: string; readonly columns: number; readonly rows: number }, done: () => void) => void

// A terminal that has gone needs no size.
const tellByStty: TellSize = ({ device, columns, rows }, done) =>
  void spawn('stty', ['-F', device, 'rows', String(rows), 'cols', String(columns)], { env: toolEnvironment, stdio: 'ignore' })
    .once('exit', done)
    .once('error', done)
