import { buildService } from '../common/build.mjs'

await buildService({ of: import.meta.url })
