#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { main } from '../src/app/cli/main.ts'

process.exitCode = await main({
  argv: process.argv.slice(2),
  environment: process.env,
  mainFile: realpathSync(fileURLToPath(import.meta.url)),
  stdout: process.stdout,
  stderr: process.stderr,
})
