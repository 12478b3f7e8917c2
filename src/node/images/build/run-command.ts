import type { Image } from '../image-store.ts'
import type { Owner } from './accounts.ts'

/** One RUN, ready to be run. */
export interface CommandRequest {
  readonly image: Pick<Image, 'lowerDirs' | 'hostBinds'>
  /** A folder to work in, on the image store's filesystem; who asked removes it. */
  readonly folder: string
  readonly argv: readonly string[]
  readonly env: readonly (readonly [string, string])[]
  readonly workingDir: string
  readonly user: Owner
  readonly mounts: readonly { readonly hostPath: string; readonly containerPath: string; readonly readOnly: boolean }[]
  /** Gets what the command writes, a line at a time. */
  readonly log: (line: string) => void
}

/** Runs a command over an image in a container of its own, and gives the folder with what it changed, as overlayfs keeps it. Throws where it fails. */
export type RunCommand = (request: CommandRequest) => Promise<string>
