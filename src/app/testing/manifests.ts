import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../base/api/object.ts'
import { globToRegExp, isGlob } from '../../node/images/patterns.ts'

/** The objects that a file, folder, glob, YAML text or object stands for; Lists are taken apart. Throws for what is none of these. */
export function readManifests(manifests: string | object | readonly object[]): KubeObject[] {
  if (typeof manifests !== 'string') return [manifests].flat().flatMap((object) => objectsIn(object, 'the object given'))
  if (/\n|^\s*[{]/.test(manifests)) return parse(manifests, 'the text given')
  const files = filesOf(manifests)
  if (files.length === 0) throw new Error(`${manifests} names no manifest: looked below ${process.cwd()}`)
  return files.flatMap((file) => parse(readFileSync(file, 'utf8'), file))
}

/** In the order of their names, as kubectl reads a folder. */
function filesOf(path: string): string[] {
  if (isGlob(path)) return matches(path)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) return []
  if (!stats.isDirectory()) return [path]
  return readdirSync(path)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(path, name))
}

function matches(glob: string): string[] {
  const parts = resolve(glob).split(sep)
  const fixed = parts.slice(
    0,
    parts.findIndex((part) => isGlob(part)),
  )
  const root = fixed.join(sep) || sep
  const pattern = globToRegExp(parts.slice(fixed.length).join('/'))
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => pattern.test(relative(root, file).split(sep).join('/')))
    .sort()
}

function parse(text: string, source: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error) throw new Error(`${source} is no valid YAML: ${error.message}`)
    const value: unknown = document.toJS()
    return value === null || value === undefined ? [] : objectsIn(value, source)
  })
}

function objectsIn(value: unknown, source: string): KubeObject[] {
  const object = value as Partial<KubeObject> & { items?: readonly unknown[] }
  if (typeof object !== 'object' || typeof object.kind !== 'string' || typeof object.apiVersion !== 'string')
    throw new Error(`${source} holds something without apiVersion and kind`)
  if (object.kind.endsWith('List') && Array.isArray(object.items)) return object.items.flatMap((item) => objectsIn(item, source))
  return [object as KubeObject]
}
