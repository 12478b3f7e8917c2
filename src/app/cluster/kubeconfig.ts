import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'
import { UserError } from './errors.ts'
import type { KeyPair } from './pki.ts'

export interface ContextEntry {
  readonly name: string
  readonly server: string
  readonly ca: string
  readonly client: KeyPair
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Adds or renews our cluster, user and context and makes the context current; others' entries and comments stay as they are. */
export function writeContext(file: string, entry: ContextEntry): void {
  const document = read(file)
  addContext(document, entry)
  write(file, document)
}

/** A kubeconfig of this one context. */
export function contextText(entry: ContextEntry): string {
  const document = emptyConfig()
  addContext(document, entry)
  return document.toString({ lineWidth: 0 })
}

const emptyConfig = () => new Document({ apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], users: [], 'current-context': '' })

function addContext(document: Document, { name, server, ca, client }: ContextEntry): void {
  upsert(document, 'clusters', name, { cluster: { server, 'certificate-authority-data': base64(ca) } })
  upsert(document, 'users', name, { user: { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(client.key) } })
  // A namespace that the user chose for the context stays.
  if (!has(document, 'contexts', name)) upsert(document, 'contexts', name, { context: { cluster: name, user: name } })
  document.set('current-context', name)
}

/** Makes one of our contexts the current one; false where the file does not have it. */
export function useContext(file: string, name: string): boolean {
  const document = read(file)
  if (!has(document, 'contexts', name)) return false
  if (document.get('current-context') === name) return true
  document.set('current-context', name)
  write(file, document)
  return true
}

/** Takes our entries out again. A file that is not there, or holds none of ours, is left alone. */
export function removeContext(file: string, name: string): void {
  let document: Document
  try {
    if (!readFileSync(file, 'utf8').includes(name)) return
    document = read(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  for (const list of ['clusters', 'users', 'contexts']) {
    const items = document.get(list)
    if (isSeq(items)) items.items = items.items.filter((item) => !isNamed(item, name))
  }
  if (document.get('current-context') === name) document.set('current-context', '')
  write(file, document)
}

function read(file: string): Document {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  if (text.trim() === '') return emptyConfig()
  const document = parseDocument(text)
  if (document.errors[0] || !isMap(document.contents)) throw new UserError(`${file} is not a kubeconfig; move it away or name another with --kubeconfig`)
  return document
}

const isNamed = (item: unknown, name: string) => isMap(item) && (item as YAMLMap).get('name') === name

function has(document: Document, list: string, name: string): boolean {
  const items = document.get(list)
  return isSeq(items) && items.items.some((item) => isNamed(item, name))
}

function upsert(document: Document, list: string, name: string, value: object): void {
  const present = document.get(list)
  const sequence = (isSeq(present) ? present : document.createNode([])) as YAMLSeq
  sequence.flow = false
  if (sequence !== present) document.set(list, sequence)
  const node = document.createNode({ name, ...value })
  const index = sequence.items.findIndex((item) => isNamed(item, name))
  if (index === -1) sequence.items.push(node)
  else sequence.items[index] = node
}

function write(file: string, document: Document): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  let mode = 0o600
  try {
    mode = statSync(file).mode & 0o777
  } catch {
    // A new file is the owner's alone.
  }
  const draft = `${file}.knarr-${process.pid}`
  writeFileSync(draft, document.toString({ lineWidth: 0 }), { mode })
  renameSync(draft, file)
}
