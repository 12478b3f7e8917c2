import { createHash } from 'node:crypto'
import { createWriteStream, readFileSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { posix } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Image } from '../image-store.ts'
import { readPlain } from '../layers/compression.ts'
import { readTar } from '../layers/rewrite-tar.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import { type Descriptor, type ImageIndex, type Manifest, mediaTypes, refName } from '../oci-layout.ts'
import { normaliseReference } from '../reference.ts'

/** What stands in `manifest.json` of `docker save`. */
interface DockerEntry {
  readonly Config: string
  readonly RepoTags: readonly string[] | null
  readonly Layers: readonly string[]
}

interface Member {
  readonly file: string
  readonly digest: string
  readonly size: number
}

/** Gives each image with the names that it brought. Takes in what `docker save`, `skopeo` or `knarr image save` wrote, plain or compressed. `tag` names an image that brings no name. */
export async function loadArchive(store: LocalImageStore, file: string, options: { tag?: string } = {}): Promise<readonly Image[]> {
  const members = await spool(store, file)
  try {
    const entries = members.has('oci-layout') && members.has('index.json') ? fromLayout(store, members) : fromDocker(store, members)
    const images: Image[] = []
    for (const { descriptor, names } of entries) {
      const all = (names.length > 0 ? names : options.tag ? [options.tag] : []).map(normaliseReference)
      if (all.length === 0) throw new Error('the archive names no image: give it a name with --tag')
      for (const name of all) if (!(await store.name(name, descriptor))) throw new Error(`a part of ${name} is missing in the archive`)
      if (process.getuid?.() === 0) await store.records.unpack(descriptor.digest)
      images.push({ ...store.records.image(descriptor.digest), tags: all })
    }
    return images
  } finally {
    for (const member of members.values()) await rm(member.file, { force: true })
  }
}

/** All files of the archive, each in a file of its own with its digest; links stand for what they lead to. */
async function spool({ layout }: LocalImageStore, file: string): Promise<Map<string, Member>> {
  const members = new Map<string, Member>()
  const links = new Map<string, string>()
  for await (const { entry, content } of readTar((await readPlain(file)) as AsyncIterable<Buffer>)) {
    const path = posix.normalize(entry.path)
    if (entry.type === 'symlink' || entry.type === 'hardlink')
      links.set(path, entry.type === 'symlink' ? posix.join(posix.dirname(path), entry.linkPath) : posix.normalize(entry.linkPath))
    if (entry.type !== 'file') continue
    const hash = createHash('sha256')
    const target = layout.newFile()
    const hashed = async function* () {
      for await (const chunk of content) {
        hash.update(chunk)
        yield chunk
      }
    }
    await pipeline(hashed, createWriteStream(target))
    members.set(path, { file: target, digest: `sha256:${hash.digest('hex')}`, size: entry.size })
  }
  for (const [path, target] of links) {
    const member = members.get(target)
    if (member) members.set(path, member)
  }
  return members
}

interface Loaded {
  readonly descriptor: Descriptor
  readonly names: readonly string[]
}

function fromLayout({ layout }: LocalImageStore, members: ReadonlyMap<string, Member>): Loaded[] {
  for (const [path, member] of members) {
    if (!path.startsWith('blobs/sha256/')) continue
    if (member.digest !== `sha256:${posix.basename(path)}`) throw new Error(`${path} of the archive is damaged: its digest is ${member.digest}`)
    if (!layout.hasBlob(member.digest)) renameSync(member.file, layout.blobPath(member.digest))
  }
  const { manifests } = JSON.parse(readFileSync(members.get('index.json')!.file, 'utf8')) as ImageIndex
  const byConfig = members.has('manifest.json') ? dockerEntries(members) : []
  return manifests.map((descriptor) => {
    const { mediaType, digest, size, annotations = {} } = descriptor
    const full = annotations['io.containerd.image.name'] ?? (/[/:]/.test(annotations[refName] ?? '') ? annotations[refName] : undefined)
    const config = layout.hasBlob(digest) ? layout.readBlob<Partial<Manifest>>(digest).config?.digest.slice(7) : undefined
    const docker = byConfig.find(({ Config }) => config !== undefined && Config.includes(config))?.RepoTags ?? []
    return { descriptor: { mediaType, digest, size }, names: full ? [full] : docker }
  })
}

function dockerEntries(members: ReadonlyMap<string, Member>): DockerEntry[] {
  return JSON.parse(readFileSync(members.get('manifest.json')!.file, 'utf8')) as DockerEntry[]
}

function fromDocker({ layout }: LocalImageStore, members: ReadonlyMap<string, Member>): Loaded[] {
  if (!members.has('manifest.json')) throw new Error('this is no archive of images (neither index.json nor manifest.json is in it)')
  const take = (path: string, mediaType: string): Descriptor => {
    const member = members.get(path)
    if (!member) throw new Error(`${path} is missing in the archive`)
    if (!layout.hasBlob(member.digest)) renameSync(member.file, layout.blobPath(member.digest))
    return { mediaType, digest: member.digest, size: member.size }
  }
  return dockerEntries(members).map(({ Config, RepoTags, Layers }) => {
    const config = take(Config, mediaTypes.config)
    const manifest: Manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: Layers.map((path) => take(path, mediaTypes.layer)) }
    return { descriptor: layout.addBlob(mediaTypes.manifest, manifest), names: RepoTags ?? [] }
  })
}
