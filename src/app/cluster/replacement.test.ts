import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { profilePaths, type ProfilePaths } from './profile.ts'
import { applyReplacement, commitReplacement, discardStaging, emptyTrash, hasReplacement, stageReplacement } from './replacement.ts'

let home: string
let paths: ProfilePaths
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'replacement-test-'))
  paths = profilePaths(home, 'a')
  fill(paths.directory, 'old')
  mkdirSync(paths.kubelet)
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function fill(folder: string, text: string): void {
  for (const part of ['store', 'volumes']) {
    mkdirSync(join(folder, part), { recursive: true })
    writeFileSync(join(folder, part, 'data'), text)
  }
  writeFileSync(join(folder, 'profile.json'), text)
}

const state = () => [join(paths.store, 'data'), join(paths.volumes, 'data'), paths.file].map((file) => readFileSync(file, 'utf8'))

it('changes nothing before it is committed', () => {
  fill(stageReplacement(paths), 'new')
  expect(hasReplacement(paths)).toBe(false)
  discardStaging(paths)
  expect(state()).toEqual(['old', 'old', 'old'])
})

it('replaces all that it brings, keeps the rest, and leaves nothing behind', () => {
  mkdirSync(paths.pki)
  fill(stageReplacement(paths), 'new')
  commitReplacement(paths)
  applyReplacement(paths)
  expect(state()).toEqual(['new', 'new', 'new'])
  expect(existsSync(paths.kubelet)).toBe(false)
  emptyTrash(paths)
  expect(readdirSync(paths.directory).sort()).toEqual(['pki', 'profile.json', 'store', 'volumes'])
})

it.each([
  ['before the first part', () => {}],
  ['between two parts', () => renameSync(join(paths.directory, 'next', 'store'), moved('store'))],
  ['in the middle of one', () => moved('store')],
])('is finished by the next one where it was killed %s', (_, stop) => {
  fill(stageReplacement(paths), 'new')
  commitReplacement(paths)
  stop()
  expect(hasReplacement(paths)).toBe(true)
  applyReplacement(paths)
  expect(state()).toEqual(['new', 'new', 'new'])
  expect(hasReplacement(paths)).toBe(false)
})

/** As far as applying gets with a part before the new one is moved in. */
function moved(part: string): string {
  mkdirSync(join(paths.directory, 'trash'), { recursive: true })
  renameSync(join(paths.directory, part), join(paths.directory, 'trash', part))
  return join(paths.directory, part)
}
