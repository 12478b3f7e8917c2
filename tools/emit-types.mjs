// Writes the declarations that the package's entries need, and no others: `node tools/emit-types.mjs [dist]`.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const outdir = join(process.argv[2] ?? 'dist', 'types')
const draft = join('node_modules', '.cache', 'types')
const entries = ['app/index', 'app/testing/index', 'app/client']
const options = ['--noEmit', 'false', '--emitDeclarationOnly', '--declaration', '--incremental', 'false', '--rootDir', 'src', '--outDir', draft]

rmSync(draft, { recursive: true, force: true })
execFileSync(
  process.execPath,
  [
    'node_modules/typescript/bin/tsc',
    ...['--ignoreConfig', '--target', 'ES2022', '--lib', 'ES2023', '--module', 'NodeNext', '--types', 'node', '--strict', '--exactOptionalPropertyTypes'],
    ...['--rewriteRelativeImportExtensions', '--resolveJsonModule', '--skipLibCheck', '--stripInternal', '--verbatimModuleSyntax', '--removeComments', 'false'],
    ...options,
    ...entries.map((entry) => `src/${entry}.ts`),
  ],
  { stdio: 'inherit' },
)

/** The declaration that a relative import names. */
const target = (from, specifier) => join(dirname(from), specifier.replace(/\.ts$/, '.d.ts').replace(/\.js$/, '.d.ts'))
const importOf = /(?:from |import\()\s*['"](\.[^'"]+)['"]/g
const wanted = new Set()
const visit = (file) => {
  if (wanted.has(file)) return
  wanted.add(file)
  for (const [, specifier] of readFileSync(file, 'utf8').matchAll(importOf)) visit(target(file, specifier))
}
for (const entry of entries) visit(join(draft, `${entry}.d.ts`))

rmSync(outdir, { recursive: true, force: true })
for (const file of wanted) {
  const to = resolve(outdir, file.slice(draft.length + 1))
  if (!existsSync(dirname(to))) mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, readFileSync(file, 'utf8').replaceAll(/((?:from |import\()\s*['"]\.[^'"]+)\.ts(['"])/g, '$1.js$2'))
}
rmSync(draft, { recursive: true, force: true })
