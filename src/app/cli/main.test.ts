import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, expect, it } from 'vitest'
import { setActiveProfile } from '../cluster/active-profile.ts'
import { main } from './main.ts'

const home = mkdtempSync(join(tmpdir(), 'knarr-main-'))
afterAll(() => rmSync(home, { recursive: true }))

class Text extends Writable {
  text = ''
  override _write(chunk: Buffer, _: string, done: () => void) {
    this.text += chunk.toString()
    done()
  }
}

const run = async (...argv: string[]) => {
  const [stdout, stderr] = [new Text(), new Text()]
  const code = await main({ argv, environment: { KNARR_HOME: home, HOME: home }, mainFile: '/knarr.js', kubectlBaseUrl: 'http://127.0.0.1:1', stdout, stderr })
  return { code, stdout: stdout.text, stderr: stderr.text }
}

const noCluster = (name: string) => ({ code: 1, stdout: '', stderr: `knarr: there is no cluster knarr-${name}. Run: knarr up --profile ${name}\n` })

it('takes the profile before or after the command, and the nearer one where both are given', async () => {
  expect(await run('down')).toEqual(noCluster('default'))
  expect(await run('-p', 'c1', 'down')).toEqual(noCluster('c1'))
  expect(await run('--profile=c1', 'node', 'list')).toEqual(noCluster('c1'))
  expect(await run('-p', 'c1', 'down', '-p', 'c2')).toEqual(noCluster('c2'))
})

it('acts on the active profile where none is named', async () => {
  setActiveProfile(home, 'c3')
  expect(await run('profile')).toEqual({ code: 0, stdout: 'c3\n', stderr: '' })
  expect(await run('down')).toEqual(noCluster('c3'))
  setActiveProfile(home, 'default')
  expect(await run('down')).toEqual(noCluster('default'))
})

it.each([
  [['upp'], "knarr: unknown command 'upp' (Did you mean up?); see knarr --help\n"],
  [['node', 'stp', 'x'], "knarr: unknown command 'stp' (Did you mean stop?); see knarr --help\n"],
  [['up', '--driver', 'docker'], "knarr: unknown option '--driver'; see knarr --help\n"],
  [['up', '--force'], "knarr: unknown option '--force'; see knarr --help\n"],
  [['up', '--extra-config=kubelet.max-pods=200'], "knarr: unknown option '--extra-config=kubelet.max-pods=200'; see knarr --help\n"],
  [['node', 'stop'], "knarr: missing required argument 'name'; see knarr --help\n"],
  [['-p', 'c1', 'doctor'], 'knarr: knarr doctor takes no --profile\n'],
  [['-p', 'C1', 'down'], 'knarr: a profile\'s name has at most 20 lower-case letters, digits and hyphens (got "C1")\n'],
])('refuses %j in one line', async (argv, stderr) => {
  expect(await run(...argv)).toEqual({ code: 2, stdout: '', stderr })
})
