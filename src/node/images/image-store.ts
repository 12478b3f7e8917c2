/** What the kubelet and the runtime need of an image. */
export interface Image {
  /** `sha256:…` of the image's config. */
  readonly id: string
  readonly tags: readonly string[]
  readonly digest: string
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
}

export interface ImageStore {
  /** By tag, digest or id, normalised as Docker does (`nginx` is `docker.io/library/nginx:latest`), through the user's mappings. */
  resolve(reference: string): Promise<{ image: Image; mappedFrom?: string } | undefined>
  list(): Promise<readonly Image[]>
  /** Builds from a context folder and its Dockerfile; `log` gets a line a step. */
  build(options: { context: string; dockerfile?: string; tag: string; log?: (line: string) => void }): Promise<Image>
  map(from: string, to: string): Promise<void>
  mappings(): Promise<Readonly<Record<string, string>>>
  remove(reference: string): Promise<boolean>
}
