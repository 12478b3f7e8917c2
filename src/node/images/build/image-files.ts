import { spawn } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Image } from '../image-store.ts'
import { isGlob } from '../patterns.ts'
import { viewWithLayer } from './copy.ts'

/**
 * Copies files of an image into an empty folder, at the same paths. The image is mounted for that in a namespace that ends with the
 * command, so nothing is left mounted whatever happens.
 */
export async function exportFiles(image: Pick<Image, 'lowerDirs' | 'hostBinds'>, sources: readonly string[], folder: string): Promise<void> {
  if (image.lowerDirs.length === 0) return
  if (process.getuid?.() !== 0) throw new Error('COPY --from needs root, as it mounts the other image')
  const mount = `${folder}.mount`
  for (const path of [mount, `${folder}.empty`]) mkdirSync(path)
  const view = viewWithLayer(`${folder}.empty`, image)
  const paths = sources.map((source) => {
    const wanted = fixedPart(normalize(`/${source}`))
    return { wanted, actual: view.resolve(wanted) }
  })
  const copies = paths.flatMap(({ wanted, actual }) => {
    const target = join(folder, wanted)
    mkdirSync(dirname(target), { recursive: true })
    return [join(mount, actual), target]
  })
  const mounts = [overlay([`${folder}.empty`, ...image.lowerDirs], mount), ...image.hostBinds.map((path) => hostMount(path, image.lowerDirs, mount))]
  await run('unshare', ['--mount', 'sh', '-c', script, 'sh', ...mounts.flat(), 'copy', ...copies])
}

/** Arguments: six words a mount, then `copy`, then pairs of what is copied (where it is there) and where to. */
const script = `
while [ "$1" = mount ]; do mount "$2" "$3" "$4" "$5" "$6" || exit 1; shift 6; done
shift
while [ $# -gt 0 ]; do { [ ! -e "$1" ] && [ ! -L "$1" ]; } || cp -a -T "$1" "$2" || exit 1; shift 2; done`

const overlay = (lowers: readonly string[], at: string) => [
  ...['mount', '-toverlay', '-o'],
  `lowerdir=${lowers.map((path) => path.replace(/[\\:]/g, '\\$&')).join(':')}`,
  ...['overlay', at],
]

/** A folder of this machine lies below what the layers hold of it. */
function hostMount(path: string, layers: readonly string[], mount: string): string[] {
  const own = layers.map((layer) => join(layer, path)).filter((folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory())
  return own.length > 0 && statSync(path).isDirectory() ? overlay([...own, path], join(mount, path)) : ['mount', '--rbind', '-o', 'ro', path, join(mount, path)]
}

/** What stands before the first pattern. */
function fixedPart(path: string): string {
  const parts = path.split('/')
  const first = parts.findIndex((part) => isGlob(part))
  return first === -1 ? path.replace(/\/+$/, '') || '/' : parts.slice(0, first).join('/') || '/'
}

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, 2000)))
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(complaint.trim().split('\n')[0] || `${program} ended with ${code}`))))
  })
}
