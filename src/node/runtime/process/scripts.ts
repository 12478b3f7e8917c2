import { execPipeNames } from './exec.ts'
import type { HostTools } from './host-tools.ts'
import type { PreparedRoot } from './root-filesystem.ts'
import { quote } from './shell.ts'

/** The few lines of sh that stay when the agent goes. All of them say `ok` on their standard output once the rest can no longer fail. */

const join = (words: readonly string[]) => words.map(quote).join(' ')
const joinGroups = (files: readonly string[]) => files.map((file) => `echo 0 >${quote(file)}`)

/** Checks for the rights the runtime needs, makes the device folder and the FIFO that tells of exits. */
export function preparationScript(options: { directory: string }): string {
  return [
    'set -e',
    `cd ${quote(options.directory)}`,
    '[ -p events ] || mkfifo -m 600 events',
    'if [ ! -e devices/mqueue ]; then',
    '  rm -rf devices; mkdir devices; cd devices',
    '  mknod -m 666 null c 1 3; mknod -m 666 zero c 1 5; mknod -m 666 full c 1 7',
    '  mknod -m 666 random c 1 8; mknod -m 666 urandom c 1 9; mknod -m 666 tty c 5 0',
    '  ln -s pts/ptmx ptmx; ln -s /proc/self/fd fd; ln -s /proc/self/fd/0 stdin; ln -s /proc/self/fd/1 stdout; ln -s /proc/self/fd/2 stderr',
    '  mkdir -m 755 pts; mkdir -m 1777 shm mqueue; cd ..',
    'fi',
    'rm -rf probe; mkdir -p probe/lower probe/upper probe/work probe/root',
    "unshare --mount --net --uts --ipc --pid --fork sh -c '",
    '  mount -t overlay -o lowerdir=probe/lower,upperdir=probe/upper,workdir=probe/work overlay probe/root 2>/dev/null && echo folder && exit',
    '  mount -t tmpfs tmpfs probe && mkdir probe/lower probe/upper probe/work probe/root &&',
    "  mount -t overlay -o lowerdir=probe/lower,upperdir=probe/upper,workdir=probe/work overlay probe/root && echo memory'",
    'rm -rf probe',
  ].join('\n')
}

/** Becomes the process that holds a sandbox's namespaces. */
export function sandboxScript(options: {
  hostname: string
  hostNetwork: boolean
  sysctls: Readonly<Record<string, string>>
  joinFiles: readonly string[]
}): string {
  const sysctls = Object.entries({ ...(options.hostNetwork ? {} : { 'net.ipv4.ip_unprivileged_port_start': '0' }), ...options.sysctls })
  return [
    ...joinGroups(options.joinFiles),
    `echo ${quote(options.hostname)} >/proc/sys/kernel/hostname || exit 1`,
    ...(options.hostNetwork ? [] : ['ip link set lo up || exit 1']),
    ...sysctls.map(([name, value]) => `echo ${quote(value)} >${quote(`/proc/sys/${name.replaceAll('.', '/')}`)} || exit 1`),
    'echo ok',
    'exec sleep infinity </dev/null >/dev/null 2>&1',
  ].join('\n')
}

/**
 * A container's parent. It holds the FIFOs open for reading and writing, so neither side ever sees the other go; when the
 * container has ended it leaves the exit status, tells of it, and stays until someone has read the last output.
 */
export function launcherScript(options: { id: string; events: string; holderPid: number; joinFiles: readonly string[]; stdin: boolean }): string {
  const namespaces = ['uts', 'ipc', 'net'].map((name) => `--${name}=/proc/${options.holderPid}/ns/${name}`)
  return [
    'umask 022',
    `rm -f out err ack in exec* exit pid; mkfifo -m 666 out err ack${options.stdin ? ' in' : ''} ${execPipeNames.flat().join(' ')} || exit 1`,
    `exec 3<>out 4<>err 5<>ack${options.stdin ? ' 6<>in' : ''}`,
    'read -r line </proc/self/stat; echo "$line" >launcher',
    '(',
    '  set -e',
    ...joinGroups(options.joinFiles).map((line) => `  ${line}`),
    `  exec nsenter ${join(namespaces)} unshare --mount --pid sh -c 'sh setup.sh & exec >/dev/null 2>&1; wait $!'`,
    ') 5<&- &',
    'child=$!',
    'exec >/dev/null 2>&1',
    'wait $child',
    'echo $? >exit',
    `echo ${options.id} 1<>${quote(options.events)}`,
    'read -r line <&5',
  ].join('\n')
}

/**
 * Runs as process 1 of the container: mounts its root, moves into it and lets go of this machine's. `/..` is the old root, which
 * pivot_root stacked over the new one; as working directory it stays usable after it has been unmounted, so the tools that set user
 * and environment come from there, and the image needs none.
 */
export function setupScript(options: {
  tools: HostTools
  prepared: PreparedRoot
  folder: string
  privileges: readonly string[]
  workingDir: string
  env: readonly (readonly [string, string])[]
  argv: readonly string[]
  oomScoreAdj?: number
  stdin: boolean
}): string {
  const { tools, prepared } = options
  return [
    'set -e',
    'umask 022',
    'read -r line </proc/self/stat; echo "$line" >pid',
    ...(options.oomScoreAdj === undefined ? [] : [`echo ${options.oomScoreAdj} >/proc/self/oom_score_adj 2>/dev/null || true`]),
    ...(prepared.seed
      ? [`mount -t tmpfs -o mode=755 tmpfs ${quote(prepared.seed.to)}`, `cp -a ${quote(`${prepared.seed.from}/.`)} ${quote(prepared.seed.to)}`]
      : []),
    `cd ${quote(prepared.mountFrom)}`,
    `mount --all --fstab ${quote(`${options.folder}/fstab`)}`,
    `cd ${quote(prepared.root)}`,
    'pivot_root . .',
    'cd -P /..',
    `${join(tools.umount)} -c -n -l /..`,
    'echo ok',
    `exec ${join(processCommand(options))} ${options.stdin ? '<&6' : '</dev/null'} >&3 2>&4 3>&- 4>&- 6>&-`,
  ].join('\n')
}

/** setpriv, then env (which moves into the container's root), then the command; to be started with the machine's root as working directory. */
export function processCommand(options: {
  tools: HostTools
  privileges: readonly string[]
  workingDir: string
  env: readonly (readonly [string, string])[]
  argv: readonly string[]
}): string[] {
  const variables = options.env.map(([name, value]) => `${name}=${value}`)
  return [...options.tools.setpriv, ...options.privileges, ...options.tools.env, '-i', '-C', options.workingDir || '/', ...variables, ...options.argv]
}

/** Joins a running container: its control group first, then its namespaces, keeping this machine's root as working directory. */
export function execScript(options: { pid: number; joinFiles: readonly string[]; command: readonly string[] }): string {
  const enter = ['nsenter', '--target', String(options.pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--wd=/']
  return [...joinGroups(options.joinFiles), `exec ${join([...enter, ...options.command])}`].join('\n')
}
