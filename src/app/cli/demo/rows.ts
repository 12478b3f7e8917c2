import { print, type CommandLine } from '../context.ts'

/** One fact of the demo a line: what, of what, the fact, and how long it took or how much it was. */
export interface Rows {
  line(text: string): void
  row(what: string, name: string, fact: string, figure: string): void
  /** Prints when it is done, with the time it took. Stops before it where the demo was stopped. */
  step(what: string, name: string, act: () => Promise<string>): Promise<void>
}

export function rowsOf(cli: CommandLine, signal: AbortSignal): Rows {
  const line = (text: string) => void print(cli, text)
  const row: Rows['row'] = (what, name, fact, figure) => line(`  ${what.padEnd(9)} ${name.padEnd(24)} ${fact.padEnd(54)} ${figure}`)
  return {
    line,
    row,
    async step(what, name, act) {
      signal.throwIfAborted()
      const startedMs = performance.now()
      const fact = await act()
      row(what, name, fact, seconds(performance.now() - startedMs))
    },
  }
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
