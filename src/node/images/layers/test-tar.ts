import { paddingOf, type TarEntry, writeHeader } from './tar-entry.ts'

/** A tar archive of these entries, for tests. */
export const tarOf = (entries: readonly (Partial<TarEntry> & { readonly path: string; readonly text?: string })[]): Buffer => {
  const parts = entries.map(({ text = '', ...entry }) => {
    const content = Buffer.from(text)
    const header = writeHeader({
      type: 'file',
      linkPath: '',
      mode: 0o644,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      mtime: 1_700_000_000,
      device: [0, 0],
      xattrs: new Map(),
      ...entry,
      size: content.length,
    })
    return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))])
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}
