import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

await build({
  entryPoints: [here('src/server.ts')],
  outfile: here('dist/server.js'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
})
// The image holds dist/ only, and there Node must learn that these are modules.
await writeFile(here('dist/package.json'), `${JSON.stringify({ type: 'module' })}\n`)
