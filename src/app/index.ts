// What `knarr` exports.
export { UserError } from './cluster/errors.ts'
export * from './testing/index.ts'
export { kubernetesVersion, version } from './version.ts'
