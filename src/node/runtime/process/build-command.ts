import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { CommandRequest, RunCommand } from '../../images/build/run-command.ts'
import { privilegeArguments } from './capabilities.ts'
import { completeEnvironment } from './container.ts'
import { defaultPath, whyNotExecutable } from './executable.ts'
import { findHostTools, toolEnvironment } from './host-tools.ts'
import { prepareRoot } from './root-filesystem.ts'
import { preparationScript, setupScript } from './scripts.ts'
import { runScript } from './shell.ts'

/** Files of this machine that a build sees, so that it reaches what this user reaches. */
const networkFiles = ['/etc/resolv.conf', '/etc/hosts']

/**
 * Runs a build's command as a container: mount, PID, UTS and IPC namespaces of its own, Docker's capabilities, the machine's network.
 * Mount points are made in a layer below, so that what is left in the upper folders is what the command changed.
 */
export const runBuildCommand: RunCommand = async (request) => {
  const { folder } = request
  const scratch = (await runScript(preparationScript({ directory: folder }))).trim()
  if (scratch !== 'folder') throw new Error('RUN needs a data folder on a filesystem that overlayfs can write to: set KNARR_HOME to one (not on an overlay)')
  const mounts = [
    ...request.mounts,
    ...networkFiles.filter((path) => existsSync(path)).map((path) => ({ hostPath: realpathSync(path), containerPath: path, readOnly: true })),
  ]
  const config = { mounts, workingDir: request.workingDir, readOnlyRootFilesystem: false, privileged: false, tty: false }
  const [devices, shm] = [join(folder, 'devices'), makeFolder(join(folder, 'shm'))]
  chmodSync(shm, 0o1777)
  const below = prepareRoot({ folder: makeFolder(join(folder, 'below')), image: request.image, config, devices, shm, scratch: 'folder' })
  const image = { ...request.image, lowerDirs: [join(folder, 'below/layers/root/upper'), ...request.image.lowerDirs] }
  const prepared = prepareRoot({ folder: makeFolder(join(folder, 'run')), image, config, devices, shm, scratch: 'folder' })
  const env = completeEnvironment(request.env, { view: below.view, hostname: 'build', uid: request.user.uid })
  const path = env.findLast(([name]) => name === 'PATH')?.[1] ?? defaultPath
  const fault = whyNotExecutable(below.view, { command: request.argv[0] ?? '', path, workingDir: request.workingDir })
  if (fault) throw new Error(fault)
  writeFileSync(join(folder, 'run/fstab'), prepared.fstab)
  const privileges = privilegeArguments({
    user: { ...request.user, supplementalGroups: [] },
    privileged: false,
    noNewPrivileges: false,
    capabilities: { add: [], drop: [] },
  })
  const options = {
    tools: findHostTools(),
    prepared,
    folder: join(folder, 'run'),
    workingDir: request.workingDir,
    env,
    argv: request.argv,
    input: 'none' as const,
    tty: false,
  }
  // The command ends with whoever started the build, also after it has changed its user.
  writeFileSync(join(folder, 'run/setup.sh'), setupScript({ ...options, privileges: [...privileges, '--pdeathsig', 'KILL'] }))
  await execute(request)
  return changesOf(join(folder, 'run/layers'), prepared.layered)
}

async function execute({ folder, log, argv }: CommandRequest): Promise<void> {
  const script = 'exec 3>&1 4>&2 >/dev/null; exec sh setup.sh'
  // Whatever ends the build ends the command with it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child', 'sh', '-c', script], {
    cwd: join(folder, 'run'),
    env: toolEnvironment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', log)
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`process "${argv.join(' ')}" did not complete successfully: exit code: ${code ?? 'none (killed)'}`)
}

/** The upper folder of the root, with those of folders of this machine put in their places. */
function changesOf(layers: string, layered: readonly string[]): string {
  const root = join(layers, 'root/upper')
  for (const [index, at] of layered.entries()) {
    const upper = join(layers, `bind-${index}/upper`)
    if (readdirSync(upper).length === 0) continue
    mkdirSync(dirname(join(root, at)), { recursive: true })
    renameSync(upper, join(root, at))
  }
  return root
}

function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true })
  return path
}
