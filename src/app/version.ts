declare const KNARR_VERSION: string | undefined

/** Filled in by the build; a run from source says so. */
export const version = typeof KNARR_VERSION === 'string' ? KNARR_VERSION : '0.0.0-source'
export const kubernetesVersion = 'v1.36.0'
