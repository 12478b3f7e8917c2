// Bundles the command and the library's entries into dist/: start-up time is a feature. Native addons stay outside the bundle.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writeLicenses } from './licenses.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const generated = 'src/base/api/generated/descriptions.json'
const sources = ['src/base/api/facts.json', 'tools/generate-api.mjs']
const isStale = !existsSync(generated) || sources.some((file) => statSync(file).mtimeMs > statSync(generated).mtimeMs)
if (isStale) await import('./generate-api.mjs')

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const outdir = process.argv[2] ?? 'dist'
rmSync(outdir, { recursive: true, force: true })
mkdirSync(outdir)
const { metafile } = await build({
  entryPoints: { knarr: 'bin/knarr.ts', index: 'src/app/index.ts', testing: 'src/app/testing/index.ts', client: 'src/app/client.ts' },
  outdir,
  bundle: true,
  metafile: true,
  splitting: true,
  mainFields: ['module', 'main'],
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyIdentifiers: true,
  keepNames: true,
  legalComments: 'none',
  external: ['lmdb'],
  define: { KNARR_VERSION: JSON.stringify(version) },
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  chunkNames: 'chunks/[name]-[hash]',
})
writeLicenses(Object.keys(metafile.inputs), `${outdir}/THIRD-PARTY-LICENSES.txt`)
await chmod(`${outdir}/knarr.js`, 0o755)
for (const example of ['tasks', 'activity', 'postgres']) {
  const { inputs } = await import(`../examples/${example}/build.mjs`)
  writeLicenses(inputs, `examples/${example}/dist/THIRD-PARTY-LICENSES.txt`)
}
