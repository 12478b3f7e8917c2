import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { hasTool } from '../cluster/rights.ts'
import { kubernetesVersion, version } from '../version.ts'
import { homeOf, print, type CommandLine } from './context.ts'

interface Finding {
  readonly what: string
  readonly ok: boolean | 'optional'
  readonly fact: string
  /** The one command that helps. */
  readonly help?: string
}

/** One line per right or tool; exit 1 if real Pods cannot run here. */
export function doctor(cli: CommandLine): void {
  const findings = examine(cli)
  for (const { what, ok, fact, help } of findings)
    print(cli, `${ok === true ? 'ok  ' : ok === 'optional' ? 'note' : 'no  '}  ${what.padEnd(20)} ${fact}${help ? `. Run: ${help}` : ''}`)
  const missing = findings.filter((finding) => finding.ok === false)
  print(cli, missing.length === 0 ? 'Real Pods can run here: knarr up' : 'Real Pods cannot run here yet; simulated ones can: knarr up --runtime simulated')
  if (missing.length > 0) process.exitCode = 1
}

function examine(cli: CommandLine): Finding[] {
  const isLinux = process.platform === 'linux'
  const isRoot = process.getuid?.() === 0
  const succeeds = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
  const tool = (name: string, aptPackage: string): Finding =>
    hasTool(name) ? { what: name, ok: true, fact: 'is here' } : { what: name, ok: false, fact: 'is missing', help: `apt-get install -y ${aptPackage}` }
  const wish = (name: string, why: string, help: string): Finding =>
    hasTool(name) ? { what: name, ok: true, fact: 'is here' } : { what: name, ok: 'optional', fact: `is missing (${why})`, help }
  const namespaces = isLinux && succeeds('unshare', '--net', '--mount', '--pid', '--uts', '--ipc', '--fork', 'true')
  return [
    { what: 'system', ok: isLinux, fact: `${process.platform} ${release()}, ${process.arch}, Node ${process.versions.node}` },
    isRoot ? { what: 'user', ok: true, fact: 'root' } : { what: 'user', ok: false, fact: 'not root', help: 'sudo $(which knarr) up' },
    ...[tool('unshare', 'util-linux'), tool('nsenter', 'util-linux'), tool('setpriv', 'util-linux'), tool('ip', 'iproute2')],
    namespaces
      ? { what: 'namespaces', ok: true, fact: 'network, mount, PID, UTS and IPC' }
      : { what: 'namespaces', ok: false, fact: 'this user may not create them', help: 'sudo $(which knarr) up' },
    overlay(homeOf(cli), isRoot),
    cgroups(),
    { what: 'data folder', ...dataFolder(homeOf(cli)) },
    wish('kubectl', 'any kubectl from 1.20 on works with Knarr', 'apt-get install -y kubernetes-client'),
    wish('nft', 'Services go through the userspace proxy, and Pods do not reach the internet', 'apt-get install -y nftables'),
    wish('script', 'kubectl exec -it, run -it and containers with tty are refused', 'apt-get install -y bsdutils'),
  ]
}

function overlay(home: string, isRoot: boolean): Finding {
  if (!isRoot) return { what: 'overlay filesystem', ok: false, fact: 'could not be tried without root', help: 'sudo $(which knarr) doctor' }
  const base = existsSync(home) ? home : tmpdir()
  const folder = mkdtempSync(join(base, 'knarr-doctor-'))
  try {
    for (const name of ['lower', 'upper', 'work', 'root']) mkdirSync(join(folder, name))
    const script = `mount -t overlay overlay -o lowerdir=${folder}/lower,upperdir=${folder}/upper,workdir=${folder}/work ${folder}/root`
    const works = spawnSync('unshare', ['--mount', 'sh', '-c', script], { stdio: 'ignore' }).status === 0
    return works
      ? { what: 'overlay filesystem', ok: true, fact: `works below ${base}` }
      : { what: 'overlay filesystem', ok: false, fact: `cannot be mounted below ${base}`, help: 'KNARR_HOME=/a/folder/on/ext4 knarr up' }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function cgroups(): Finding {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers'))
    return { what: 'cgroups', ok: true, fact: `v2 (${readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim()})` }
  const hasMemory = existsSync('/sys/fs/cgroup/memory')
  return { what: 'cgroups', ok: hasMemory ? true : 'optional', fact: hasMemory ? 'v1' : 'none: limits are not enforced' }
}

function dataFolder(home: string): Pick<Finding, 'ok' | 'fact' | 'help'> {
  let folder = home
  while (!existsSync(folder)) folder = dirname(folder)
  try {
    accessSync(folder, constants.W_OK)
    return { ok: true, fact: home }
  } catch {
    return { ok: false, fact: `${home} cannot be written`, help: 'KNARR_HOME=/a/folder/of/yours knarr up' }
  }
}

export function printVersion(cli: CommandLine): void {
  print(cli, `knarr ${version}`)
  print(cli, `Kubernetes API ${kubernetesVersion}`)
  print(cli, `Node ${process.versions.node}, ${process.platform}/${process.arch}`)
}
