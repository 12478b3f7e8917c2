import { spawn } from 'node:child_process'
import { constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toolEnvironment } from '../runtime/process/host-tools.ts'

/** Whether the filesystem shares the blocks of a copy with the original until one of them is changed. */
export function canClone(folder: string): boolean {
  const trial = mkdtempSync(join(folder, '.clone-'))
  try {
    writeFileSync(join(trial, 'a'), 'a')
    copyFileSync(join(trial, 'a'), join(trial, 'b'), constants.COPYFILE_FICLONE_FORCE)
    return true
  } catch {
    return false
  } finally {
    rmSync(trial, { recursive: true, force: true })
  }
}

/**
 * Copies what is in a folder into a new one, with owners, modes, times, links and attributes; where the filesystem can, without
 * copying bytes. Names with a dot in front are left out: they are on their way to be removed. A missing folder is an empty one.
 */
export async function cloneFolders(from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  const names = existsSync(from) ? readdirSync(from).filter((name) => !name.startsWith('.')) : []
  // One volume at a time: what was deleted in between is not needed, for its claim is gone.
  for (const name of names) await cloneInto(join(from, name), to).catch((error: unknown) => onlyIf(!existsSync(join(from, name)), error))
}

const onlyIf = (isFine: boolean, error: unknown): void => {
  if (!isFine) throw error
}

/** Puts a copy of a file or folder, under its own name, into a folder that is there; one of that name is merged into. */
export function cloneInto(from: string, intoFolder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('cp', ['--archive', '--reflink=auto', '--', from, intoFolder], {
      env: toolEnvironment,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, 2000)))
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(reasonOf(complaint, from) ?? `cp ended with ${code}`))))
  })
}

/** `No space left on device (copying FROM)`: cp names both paths at length. */
const reasonOf = (complaint: string, from: string): string | undefined => {
  const reason = complaint.split('\n')[0]?.split(': ').at(-1)
  return reason ? `${reason} (copying ${from})` : undefined
}
