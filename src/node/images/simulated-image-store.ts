import { createHash } from 'node:crypto'
import type { Image, ImageStore } from './image-store.ts'
import { normaliseReference } from './reference.ts'

const refuse = async (): Promise<never> => {
  throw new Error('a simulated cluster has no images to change')
}

/** Every name resolves to an image without content: what a simulated runtime needs, which runs nothing. */
export const simulatedImageStore: ImageStore = {
  resolve: async (reference) => ({ image: imageOf(reference) }),
  list: async () => [],
  mappings: async () => ({}),
  build: refuse,
  map: refuse,
  remove: refuse,
}

function imageOf(reference: string): Image {
  const name = normaliseReference(reference)
  const id = `sha256:${createHash('sha256').update(name).digest('hex')}`
  return {
    id,
    digest: id,
    tags: [name],
    sizeBytes: 0,
    lowerDirs: [],
    hostBinds: [],
    config: { entrypoint: [], cmd: ['simulated'], env: [], workingDir: '/', user: '', exposedPorts: [], labels: {}, stopSignal: 'SIGTERM' },
  }
}
