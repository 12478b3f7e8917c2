/** What one command did. */
export interface Seen {
  readonly command: string
  /** Undefined while it runs. */
  readonly code: number | undefined
  /** Standard output and errors, as a terminal shows them. */
  readonly output: string
}

export const show = (seen: readonly Seen[]) =>
  seen.map(({ command, code, output }) => `$ ${command}\n${output}${code === 0 ? '' : `(exit ${code ?? 'not yet'})\n`}`).join('')
