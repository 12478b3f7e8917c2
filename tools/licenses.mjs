import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folderOf = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/

/** Writes the licences of the packages that a bundle was made from. Throws for one that brings no licence text and no licence name. */
export function writeLicenses(inputs, file) {
  const folders = new Set(inputs.flatMap((input) => folderOf.exec(input)?.[0] ?? []))
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const text = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
    if (!text && !license) throw new Error(`${name} says nothing of its licence`)
    return `${name} ${version} (${license ?? 'see below'})\n\n${text ? readFileSync(join(folder, text), 'utf8').trim() : ''}\n`
  })
  writeFileSync(file, texts.join(`\n${'-'.repeat(80)}\n\n`))
}
