// Bundles a service's entries into its dist/: an image holds dist/ only, and needs no node_modules.
import { cp, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** `of`: the URL of the service's own build.mjs. Gives the files that went in. */
export const buildService = async ({ of, entries = ['server'] }) => {
  const here = (path) => fileURLToPath(new URL(path, of))
  await rm(here('dist'), { recursive: true, force: true })
  const { metafile } = await build({
    metafile: true,
    entryPoints: entries.map((entry) => here(`src/${entry}.ts`)),
    outdir: here('dist'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // The native driver is a choice that pg offers and nobody here takes.
    external: ['pg-native'],
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  })
  if (existsSync(here('src/assets'))) await cp(here('src/assets'), here('dist/assets'), { recursive: true })
  // In the image Node must learn that these are modules.
  await writeFile(here('dist/package.json'), `${JSON.stringify({ type: 'module' })}\n`)
  return Object.keys(metafile.inputs)
}
