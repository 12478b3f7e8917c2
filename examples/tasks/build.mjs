import { buildService } from '../common/build.mjs'

export const inputs = await buildService({ of: import.meta.url, entries: ['server', 'migrate'] })
