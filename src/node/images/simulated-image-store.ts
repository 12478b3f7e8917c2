import { createHash } from 'node:crypto'
import type { Image, ImageStore } from './image-store.ts'
import { normaliseReference } from './reference.ts'

/** Every name resolves to an image without content: what a simulated runtime needs, which runs nothing. */
export const simulatedImageStore: ImageStore = {
  resolve: async (reference) => ({ image: imageOf(reference), isLocal: true }),
  list: async () => [],
  pull: async (reference) => imageOf(reference),
}

function imageOf(reference: string): Image {
  const name = normaliseReference(reference)
  const id = `sha256:${createHash('sha256').update(name).digest('hex')}`
  return {
    id,
    digest: id,
    tags: [name],
    repoDigests: [],
    sizeBytes: 0,
    lowerDirs: [],
    hostBinds: [],
    config: { entrypoint: [], cmd: ['simulated'], env: [], workingDir: '/', user: '', exposedPorts: [], labels: {}, stopSignal: 'SIGTERM' },
  }
}
