import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { requireNoNamesake } from './namesake.ts'

const mayUnshare = process.getuid?.() === 0 && spawnSync('unshare', ['--version']).status === 0

describe.runIf(process.platform === 'linux')('a cluster of the same name', () => {
  let folder: string
  let agent: ChildProcess | undefined
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'knarr-namesake-'))
    // Shows in /proc as an agent does, says that it runs, and ends with its input.
    writeFileSync(join(folder, 'agent'), 'echo up; read line\n')
  })
  afterEach(() => {
    agent?.stdin?.end()
    rmSync(folder, { recursive: true, force: true })
  })

  const startAgent = async (...before: string[]) => {
    const args = [...before, 'sh', join(folder, 'agent'), 'internal', 'agent', folder, 'twin']
    agent = spawn('env', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    await new Promise((resolve) => agent?.stdout?.once('data', resolve))
  }
  const check = () => requireNoNamesake('/elsewhere', { name: 'twin', runtime: 'process' })

  it('is refused where another data folder runs it', async () => {
    await startAgent()
    expect(check).toThrow(`a cluster knarr-twin runs already, from ${folder}`)
  })

  it.runIf(mayUnshare)('is none of ours inside a container', async () => {
    await startAgent('unshare', '--pid', '--fork', '--kill-child')
    expect(check).not.toThrow()
  })
})
