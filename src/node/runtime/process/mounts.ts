import { readFileSync } from 'node:fs'
import { runScript, quote } from './shell.ts'

/** Takes off what is mounted below a folder, the deepest first; what is in use goes when it is let go. */
export async function unmountBelow(folder: string): Promise<void> {
  const left = () => mountsBelow(folder, readFileSync('/proc/self/mounts', 'utf8'))
  const paths = left()
  if (paths.length === 0) return
  await runScript(`umount -l ${paths.map(quote).join(' ')}`).catch((error: unknown) => {
    // Two callers may do it at the same time.
    if (left().length > 0) throw error
  })
}

/** Mount points below a folder in a table such as /proc/mounts, which writes blanks as octal escapes. */
export const mountsBelow = (folder: string, table: string): string[] =>
  table
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse()
