import type { Keyring } from './registry/credentials.ts'

/** What the kubelet and the runtime need of an image. */
export interface Image {
  /** `sha256:…` of the image's config. */
  readonly id: string
  readonly tags: readonly string[]
  /** What its names stand for at a registry: a manifest, or an index of several. */
  readonly digest: string
  /** `name@sha256:…`, as `status.containerStatuses[].imageID` has it. */
  readonly repoDigests: readonly string[]
  readonly sizeBytes: number
  readonly config: ImageConfig
  /** Overlay lower folders, topmost first: unpacked layers, then, for a host image, its read-only base tree. */
  readonly lowerDirs: readonly string[]
  /** Folders and files of this machine that are bound read-only over the root: empty for ordinary images. */
  readonly hostBinds: readonly string[]
}

export interface ImageConfig {
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly env: readonly string[]
  readonly workingDir: string
  /** `user[:group]`, names or numbers; empty for root. */
  readonly user: string
  readonly exposedPorts: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly stopSignal: string
  readonly volumes?: readonly string[]
  /** What runs the shell form of instructions; `/bin/sh -c` where absent. */
  readonly shell?: readonly string[]
  /** Instructions for builds that start from this image. */
  readonly onBuild?: readonly string[]
  /** Kept for others: Kubernetes has probes instead. */
  readonly healthcheck?: Readonly<Record<string, unknown>>
}

export interface ResolvedImage {
  readonly image: Image
  /** The name asked for, where the user's mapping led to another image. */
  readonly mappedFrom?: string
  /** The name was given on this machine (built, loaded, tagged, pushed here, mapped): no registry is asked what it stands for. */
  readonly isLocal: boolean
}

export type PullProgress =
  | { readonly step: 'found'; readonly digest: string; /** Still to be fetched. */ readonly bytes: number }
  | { readonly step: 'received'; readonly bytes: number }

export interface PullOptions {
  /** Who may be asked as; the registry is asked as nobody where none fits. */
  readonly keyring?: Keyring
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: PullProgress) => void
}

/** What nodes need of the store. */
export interface ImageStore {
  /** By tag, digest or id, normalised as Docker does (`nginx` is `docker.io/library/nginx:latest`), through the user's mappings; unpacked. */
  resolve(reference: string): Promise<ResolvedImage | undefined>
  list(): Promise<readonly Image[]>
  /** Brings the image that the name stands for at its registry, and gives it. Throws PullError. */
  pull(reference: string, options?: PullOptions): Promise<Image>
}
