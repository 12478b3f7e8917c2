import type { Descriptor, ImageIndex } from './oci-layout.ts'

const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386' }

export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

/** This machine, as image indexes name it. */
export const hostPlatform: Platform = { os: 'linux', architecture: architectures[process.arch] ?? process.arch }

/** The manifest of an index that runs here; the newest variant of ARM first. */
export function pickPlatform(index: ImageIndex, platform: Platform = hostPlatform): Descriptor | undefined {
  const isFit = (descriptor: Descriptor) => descriptor.platform?.os === platform.os && descriptor.platform.architecture === platform.architecture
  const fits = index.manifests.filter(isFit).sort((a, b) => (b.platform?.variant ?? '').localeCompare(a.platform?.variant ?? ''))
  // An index of one image without a platform is that image, as builders for one machine write it.
  return fits[0] ?? (index.manifests.length === 1 && !index.manifests[0]!.platform ? index.manifests[0] : undefined)
}

/** `linux/amd64` and `linux/arm/v7`; what is left out is this machine's. */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/')
  const [os = '', architecture = hostPlatform.architecture, variant] = parts.length === 1 && parts[0] !== 'linux' ? [hostPlatform.os, parts[0]] : parts
  const aliases: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' }
  return { os, architecture: aliases[architecture] ?? architecture, ...(variant ? { variant } : {}) }
}

export const formatPlatform = ({ os, architecture, variant }: Platform) => [os, architecture, variant].filter(Boolean).join('/')
