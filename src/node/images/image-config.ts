import type { ImageConfig } from './image-store.ts'
import { hostPlatform } from './platform.ts'

/** Marks an image that stands on this machine's own files. */
export const hostBaseAnnotation = 'local.knarr.host-base'

/** The parts of an OCI image config that are read and written here. */
export interface OciConfig {
  readonly architecture: string
  readonly os: string
  readonly created?: string
  readonly config?: {
    readonly Entrypoint?: readonly string[] | null
    readonly Cmd?: readonly string[] | null
    readonly Env?: readonly string[] | null
    readonly WorkingDir?: string
    readonly User?: string
    readonly ExposedPorts?: Readonly<Record<string, object>> | null
    readonly Labels?: Readonly<Record<string, string>> | null
    readonly StopSignal?: string
    readonly Volumes?: Readonly<Record<string, object>> | null
    readonly Shell?: readonly string[] | null
    readonly OnBuild?: readonly string[] | null
    readonly Healthcheck?: Readonly<Record<string, unknown>> | null
  } | null
  /** Here as well, so that two images with different bases never share an id. */
  readonly [hostBaseAnnotation]?: string
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] }
}

export function imageConfig(given: OciConfig['config']): ImageConfig {
  const config = given ?? {}
  return {
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    env: config.Env ?? [],
    workingDir: config.WorkingDir ?? '',
    user: config.User ?? '',
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    labels: config.Labels ?? {},
    stopSignal: config.StopSignal || 'SIGTERM',
    ...(config.Volumes ? { volumes: Object.keys(config.Volumes) } : {}),
    ...(config.Shell ? { shell: config.Shell } : {}),
    ...(config.OnBuild && config.OnBuild.length > 0 ? { onBuild: config.OnBuild } : {}),
    ...(config.Healthcheck ? { healthcheck: config.Healthcheck } : {}),
  }
}

export function ociConfig(options: { config: ImageConfig; diffIds: readonly string[]; hostBase?: string | undefined }): OciConfig {
  const { config, diffIds, hostBase } = options
  const asSet = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]))
  return {
    ...hostPlatform,
    ...(hostBase === undefined ? {} : { [hostBaseAnnotation]: hostBase }),
    config: {
      Entrypoint: config.entrypoint,
      Cmd: config.cmd,
      Env: config.env,
      WorkingDir: config.workingDir,
      User: config.user,
      ExposedPorts: asSet(config.exposedPorts),
      Labels: config.labels,
      StopSignal: config.stopSignal,
      ...(config.volumes ? { Volumes: asSet(config.volumes) } : {}),
      ...(config.shell ? { Shell: config.shell } : {}),
      ...(config.onBuild ? { OnBuild: config.onBuild } : {}),
      ...(config.healthcheck ? { Healthcheck: config.healthcheck } : {}),
    },
    rootfs: { type: 'layers', diff_ids: diffIds },
  }
}
