import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { activeProfile } from '../../cluster/active-profile.ts'
import { listProfiles, profilePaths, readProfile } from '../../cluster/profile.ts'
import { homeOf, print, type CommandLine } from '../context.ts'
import { complete, type CompleteOptions } from './complete.ts'
import { completionScript, type Shell } from './scripts.ts'

export const printScript = (cli: CommandLine, shell: Shell): boolean => cli.stdout.write(completionScript(shell))

/** `knarr complete WORD...`: for the scripts. It reads files only and never fails: a shell in the middle of a line has no use for words of regret. */
export function printCandidates(cli: CommandLine, knarr: Command, words: readonly string[]): void {
  const { candidates, hasFiles } = complete({ knarr, words, valuesOf: valuesBelow(homeOf(cli)) })
  for (const { word, description } of candidates) print(cli, description ? `${word}\t${description}` : word)
  if (hasFiles) print(cli, ':files')
}

const valuesBelow =
  (home: string): CompleteOptions['valuesOf'] =>
  (source, profile = activeProfile(home)) =>
    orNone(() => {
      if (source === 'profiles') return listProfiles(home)
      if (source === 'nodes') return (readProfile(home, profile)?.nodes ?? []).map(({ name }) => name)
      if (source === 'snapshots') return readdirSync(profilePaths(home, profile).snapshots).filter((name) => !name.startsWith('.'))
      return imageNames(home)
    })

const orNone = (read: () => readonly string[]): readonly string[] => {
  try {
    return read()
  } catch {
    return []
  }
}

/** As the index of the image layout lists them, in the short form that `knarr image ls` shows. */
function imageNames(home: string): string[] {
  const { manifests = [] } = JSON.parse(readFileSync(join(home, 'images', 'index.json'), 'utf8')) as {
    manifests?: readonly { annotations?: Record<string, string> }[]
  }
  const names = manifests.flatMap(({ annotations = {} }) => annotations['org.opencontainers.image.ref.name'] ?? [])
  return [...new Set(names.map((name) => name.replace(/^docker\.io\/(library\/)?/, '')))].filter((name) => !name.includes('@'))
}
