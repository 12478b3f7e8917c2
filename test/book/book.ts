import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createSandbox, eventually, main, type Sandbox } from '../stories/harness.ts'
import type { Chapter, Entry } from './chapter.ts'
import { bookFolder, readListingFile, type Listing } from './listing.ts'
import { Shell } from './shell.ts'
import { missing, type Sight } from './sight.ts'
import { show, type Seen } from './transcript.ts'

const patienceMs = 40_000
const placeholder = /\$\{([A-Z][A-Z0-9_]*)\}/g

/** One chapter, followed as a reader does: one machine, one home, one folder in which all files of the chapter come to lie. */
export class ChapterRun {
  readonly sandbox: Sandbox = createSandbox()
  readonly #chapter: Chapter
  readonly #base: string
  readonly #folder: string
  readonly #environment: NodeJS.ProcessEnv
  readonly #outputs = new Map<string, readonly Seen[]>()
  #open: { readonly shell: Shell; readonly until: string; readonly command: number } | undefined

  constructor(chapter: Chapter) {
    this.#chapter = chapter
    this.#base = dirname(this.sandbox.kubeconfig)
    this.#folder = join(this.#base, 'work')
    const bin = join(this.#base, 'commands')
    for (const folder of [this.#folder, bin]) mkdirSync(folder)
    writeFileSync(join(bin, 'knarr'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 })
    this.#environment = { ...this.sandbox.environment, PATH: `${bin}:${process.env['PATH']}`, HOSTNAME: 'book' }
  }

  async begin(): Promise<void> {
    await this.#must(this.#chapter.before)
  }

  async end(): Promise<void> {
    await this.#open?.shell.kill()
    await this.sandbox.remove()
  }

  /** Throws with what was missing and all that was said. */
  async run(listing: Listing, entry: Entry): Promise<void> {
    const cwd = join(this.#folder, listing.cwd ?? '')
    mkdirSync(cwd, { recursive: true })
    const values = await this.#values(listing, entry)
    const fill = (text: string) => text.replaceAll(placeholder, (whole, name: string) => values[name] ?? whole)
    this.#layFile(listing, cwd, fill)
    await this.#must(entry.before ?? [])
    try {
      if (entry.outputOf !== undefined) return this.#hold(this.#outputs.get(entry.outputOf) ?? [], (entry.see ?? []).map(fill))
      await this.#runCommands(listing, entry, cwd, fill)
      for (const [command, sight] of Object.entries(entry.proof ?? {})) await this.#untilSeen(fill(command), fill(sight))
    } finally {
      await this.#close(listing.id)
    }
  }

  async #runCommands(listing: Listing, entry: Entry, cwd: string, fill: (text: string) => string): Promise<void> {
    const commands = commandsOf(this.#chapter, listing, entry).map(fill)
    const sights = (entry.see ?? []).map(fill)
    const follows = followsOf(listing, entry)
    const options = { commands, cwd, follows, environment: this.#environment, scratch: this.#base, terminal: listing.mode === 'interactive' }
    const start = async () => new Shell({ ...options, ...(entry.clusterDns ? { resolvConf: await this.#resolvConf() } : {}) })
    const deadline = Date.now() + patienceMs
    for (;;) {
      const shell = await start()
      try {
        for (const index of follows) await this.#follow(shell, index, { entry, sight: sights[index] ?? '', fill })
        if (this.#open?.shell === shell) return
        await shell.ended()
        this.#outputs.set(listing.id, shell.seen())
        this.#hold(shell.seen(), sights, { exits: entry.exits, follows })
        return
      } catch (error) {
        await shell.kill()
        if (!entry.again || Date.now() > deadline) throw error
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    }
  }

  /** A command that follows must be seen to speak while it runs, of what happens meanwhile too, and must not end by itself. */
  async #follow(shell: Shell, index: number, about: { entry: Entry; sight: Sight; fill: (text: string) => string }): Promise<void> {
    const { entry } = about
    await shell.reached(index)
    const now = () => shell.seen()[index]
    const speaks = () => (now()?.output ?? '') !== ''
    if (entry.meanwhile) {
      await eventually(async () => speaks(), Boolean, `${now()?.command ?? ''} says something`).catch(() => undefined)
      await this.#must(entry.meanwhile.map(about.fill))
    }
    const fault = await eventually(
      async () => missing(about.sight, now()?.output ?? ''),
      (text) => text === undefined,
      'all is seen',
      patienceMs,
    ).catch(() => 'late')
    if (fault !== undefined || now()?.code !== undefined) {
      const why = missing(about.sight, now()?.output ?? '') ?? 'the command ended by itself'
      throw new Error(`${why}\n${show(shell.seen())}`)
    }
    if (entry.staysUntil === undefined) shell.interrupt(index)
    else this.#open = { shell, until: entry.staysUntil, command: index }
  }

  #hold(seen: readonly Seen[], sights: readonly Sight[], options: { exits?: Entry['exits']; follows?: readonly number[] } = {}): void {
    if (seen.length !== sights.length) throw new Error(`${seen.length} commands and ${sights.length} sights`)
    for (const [index, { code, output, command }] of seen.entries()) {
      const fault = missing(sights[index] ?? '', output)
      if (fault !== undefined) throw new Error(`$ ${command}: ${fault}\n${show(seen)}`)
      if (options.follows?.includes(index)) continue
      const exits = options.exits ? options.exits[index] : 0
      if (exits !== undefined && code !== exits) throw new Error(`$ ${command}: exit ${code}, not ${exits}\n${show(seen)}`)
    }
  }

  async #untilSeen(command: string, sight: Sight): Promise<void> {
    let last = ''
    const ask = async () => {
      const { stdout, stderr } = await this.#bash(command)
      last = stdout + stderr
      return missing(sight, last)
    }
    await eventually(ask, (fault) => fault === undefined, command, patienceMs).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${last}`, { cause: error })
    })
  }

  #layFile({ file, path }: Listing, cwd: string, fill: (text: string) => string): void {
    if (file === undefined) return
    if (path === undefined) return copyFileSync(join(bookFolder, file), join(cwd, file.split('/').pop() ?? file))
    mkdirSync(dirname(join(cwd, path)), { recursive: true })
    writeFileSync(join(cwd, path), fill(readListingFile(file)))
  }

  async #values(listing: Listing, entry: Entry): Promise<Record<string, string>> {
    const { see = [], proof = {}, meanwhile = [] } = entry
    const typed = commandsOf(this.#chapter, listing, entry)
    const text = [...typed, ...see, ...meanwhile, ...Object.entries(proof).flat(), listing.file ? readListingFile(listing.file) : ''].join('\n')
    const names = new Set([...text.matchAll(placeholder)].map(([, name = '']) => name))
    const values: Record<string, string> = {}
    for (const name of names) {
      const command = entry.placeholders?.[name] ?? this.#chapter.placeholders[name]
      if (command === undefined) throw new Error(`the chapter does not say what \${${name}} is`)
      values[name] = await eventually(
        async () => (await this.#bash(command)).stdout.trim(),
        (value) => value !== '',
        `a value for ${name}`,
      )
    }
    return values
  }

  async #resolvConf(): Promise<string> {
    const ip = await this.sandbox.k('-n', 'kube-system', 'get', 'service', 'kube-dns', '-o', 'jsonpath={.spec.clusterIP}')
    const file = join(this.#base, 'resolv.conf')
    writeFileSync(file, `nameserver ${ip}\n`)
    return file
  }

  async #close(id: string): Promise<void> {
    if (this.#open?.until !== id) return
    const { shell, command } = this.#open
    this.#open = undefined
    const early = shell.seen()[command]?.code !== undefined
    shell.interrupt(command)
    await shell.ended()
    if (early) throw new Error(`it ended by itself before ${id} was over\n${show(shell.seen())}`)
  }

  async #must(commands: readonly string[]): Promise<void> {
    for (const command of commands) {
      const { code, stdout, stderr } = await this.#bash(command)
      if (code !== 0) throw new Error(`$ ${command}\n${stdout}${stderr}(exit ${code})`)
    }
  }

  #bash(command: string) {
    return this.sandbox.run('bash', ['-c', `cd ${this.#folder} && export PATH=${this.#environment['PATH']}\n${command}`])
  }
}

/** What is typed: the listing's own commands, with the chapter's and the entry's words replaced; a file that later listings apply is only tried. */
export function commandsOf(chapter: Chapter, listing: Listing, entry: Entry): string[] {
  if (entry.run) return [...entry.run]
  if (entry.outputOf !== undefined) return []
  const commands = listing.commands_in ? [`kubectl apply --dry-run=server -f ${listing.path}`] : listing.commands
  return commands.map((command) => {
    const inWords = chapter.words.reduce((text, { from, to }) => text.replaceAll(from, to), command)
    return Object.entries(entry.replace ?? {}).reduce((text, [from, to]) => text.replaceAll(from, to), inWords)
  })
}

export const followsOf = (listing: Listing, entry: Entry) =>
  entry.follows ?? (listing.mode === 'follows' || listing.mode === 'background' ? commandsIndexes(listing, entry) : [])

const commandsIndexes = (listing: Listing, entry: Entry) => [...(entry.run ?? listing.commands).keys()]
