import type { Sight } from './sight.ts'

/** What the run of one listing is, and what must be seen. */
export interface Entry {
  /** What is put in the place of a part that cannot be had here, and why it is the same to the reader. */
  readonly substituted?: string
  /** Why no part of the listing can run here. Nothing else is set then. */
  readonly notApplicable?: string
  /** Literal replacements in the listing's commands. */
  readonly replace?: Readonly<Record<string, string>>
  /** Commands that print a placeholder's value, before the chapter's. */
  readonly placeholders?: Readonly<Record<string, string>>
  /** Instead of the listing's commands. */
  readonly run?: readonly string[]
  /** What the reader has done by other means; it must succeed. */
  readonly before?: readonly string[]
  /** One for each command; '' where `proof` has the proof. */
  readonly see?: readonly Sight[]
  /** The listing whose output this one shows: `see` is held against that. */
  readonly outputOf?: string
  /** Exit codes where they are not 0; undefined for any. */
  readonly exits?: readonly (number | undefined)[]
  /** Only reads, and what it reads takes its time: asked again until it is seen. */
  readonly again?: boolean
  /** Commands that show what became of it; asked until it is seen. */
  readonly proof?: Readonly<Record<string, Sight>>
  /** Which commands do not end by themselves: watched until seen, then interrupted. */
  readonly follows?: readonly number[]
  /** Run while a command is followed, once it has begun to speak (or after a second): what must show up in it. */
  readonly meanwhile?: readonly string[]
  /** The last listing during which the followed command goes on. */
  readonly staysUntil?: string
  /** The command's names are asked of the cluster's DNS, as `knarr dns` shows how to. */
  readonly clusterDns?: boolean
}

export interface Chapter {
  readonly number: number
  /** Run once before the first listing. */
  readonly before: readonly string[]
  /** Words of every command that Knarr stands in for, and how the ledger says so. */
  readonly words: readonly { readonly from: RegExp; readonly to: string; readonly says: string }[]
  /** Commands that print the value of a placeholder, asked anew for each listing. */
  readonly placeholders: Readonly<Record<string, string>>
  readonly listings: Readonly<Record<string, Entry>>
}
