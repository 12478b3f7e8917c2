#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { main } from '../src/app/cli/main.ts'

// A reader that has seen enough (`knarr status | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await main({
  argv: process.argv.slice(2),
  environment: process.env,
  mainFile: realpathSync(fileURLToPath(import.meta.url)),
  kubectlBaseUrl: process.env['KNARR_KUBECTL_BASE_URL'] || 'https://dl.k8s.io',
  stdout: process.stdout,
  stderr: process.stderr,
})
