import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { completionScript, shells } from './scripts.ts'

const folder = mkdtempSync(join(tmpdir(), 'completion-'))
afterAll(() => rmSync(folder, { recursive: true }))
const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0

it.each(shells.filter(has))('is a script that %s reads', (shell) => {
  const file = join(folder, `script.${shell}`)
  writeFileSync(file, completionScript(shell))
  expect(spawnSync(shell, ['-n', file], { encoding: 'utf8' }).stderr).toBe('')
})

/** What bash would put in, where `knarr complete WORDS` prints `answer`; the first line is what it was asked. */
const inBash = (line: string, answer: string): string[] => {
  const stub = `knarr() { printf '%s\\n' "$*" >asked; printf -- '${answer}'; }`
  const script = `${completionScript('bash')}\n${stub}\nCOMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}; _knarr; cat asked; printf '%s\\n' "\${COMPREPLY[@]}"`
  return spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' }).stdout.trimEnd().split('\n')
}

it.skipIf(!has('bash')).each([
  ['knarr no', 'node\\tnodes\\n', ['complete no', 'node']],
  ['knarr node ', 'stop\\nstart\\n', ['complete node ', 'stop', 'start']],
  ['knarr image rm web:d', 'web:dev\\n', ['complete image rm web:d', 'dev']],
  ['knarr up --runtime=s', '--runtime=simulated\\n', ['complete up --runtime=s', 'simulated']],
  ['knarr restore script.b', ':files\\n', ['complete restore script.b', 'script.bash']],
])('completes "%s" in bash', (line, answer, expected) => {
  expect(inBash(line, answer)).toEqual(expected)
})
