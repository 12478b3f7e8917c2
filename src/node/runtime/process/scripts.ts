import type { SandboxConfig } from '../runtime.ts'
import { execPipeNames } from './exec.ts'
import { type HostTools, requireTerminalTools } from './host-tools.ts'
import type { PreparedRoot } from './root-filesystem.ts'
import { quote } from './shell.ts'
import { execTerminalScript } from './terminal.ts'

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
  /** Receives the holder's line of /proc/PID/stat. */
  holderFile: string
  /** Where the Pod's /dev/shm is mounted; nothing where the node's is used. */
  shm: string | undefined
  isFirstProcess: boolean
}): string {
  const sysctls = Object.entries({ ...(options.hostNetwork ? {} : { 'net.ipv4.ip_unprivileged_port_start': '0' }), ...options.sysctls })
  return [
    ...joinGroups(options.joinFiles),
    `read -r line </proc/self/stat; echo "$line" >${quote(options.holderFile)}`,
    `echo ${quote(options.hostname)} >/proc/sys/kernel/hostname || exit 1`,
    // As containerd mounts it: 64 MiB.
    ...(options.shm ? [`mount -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=65536k shm ${quote(options.shm)} || exit 1`] : []),
    ...sysctls.map(([name, value]) => `echo ${quote(value)} >${quote(`/proc/sys/${name.replaceAll('.', '/')}`)} || exit 1`),
    'echo ok',
    options.isFirstProcess ? reapForever : 'exec sleep infinity </dev/null >/dev/null 2>&1',
  ].join('\n')
}

// The first process of a shared PID namespace inherits what others leave; sh takes leave of it while it waits for its own.
const reapForever = 'exec </dev/null >/dev/null 2>&1; while :; do sleep 2147483647 & wait $!; done'

/** How a container's own input is kept: until the first client has gone (`once`), or for as long as the container runs. */
export type Input = 'none' | 'kept' | 'once'

/**
 * A container's parent. It holds the FIFOs open for reading and writing, so neither side ever sees the other go; when the
 * container has ended it leaves the exit status, tells of it, and stays until someone has read the last output.
 * Input that is to end with its first client is held by a process of its own, which a line in `eof` lets go.
 * The container runs in the foreground: sh would have it ignore SIGINT and SIGQUIT otherwise, and all that it starts.
 */
export function launcherScript(options: {
  id: string
  events: string
  holderPid: number
  joinFiles: readonly string[]
  /** A process whose PID namespace it joins, where it does. */
  joinPid: number | undefined
  input: Input
  /** Runs in the namespaces of the sandbox and ends with the container. */
  command: readonly string[]
}): string {
  const { input } = options
  const joined = ['uts', 'ipc', 'net'].map((name) => `--${name}=/proc/${options.holderPid}/ns/${name}`)
  // Not forking itself, nsenter leaves it to the first child to be in another PID namespace.
  const namespaces = [...joined, ...(options.joinPid === undefined ? [] : [`--pid=/proc/${options.joinPid}/ns/pid`]), '--no-fork']
  return [
    'umask 022',
    // Left by a start that was cut off.
    '[ ! -e out ] || rm -f out err ack in eof exec* exit pid',
    `mkfifo -m 666 out err ack eof${input === 'none' ? '' : ' in'} ${execPipeNames.flat().join(' ')} || exit 1`,
    'exec 3<>out 4<>err 5<>ack 8>&1 9>&2 >/dev/null 2>&1',
    ...(input === 'none' ? [] : ['exec 6<>in 7<in']),
    // Opening `eof` waits for its other side; from then on it is descriptor 6 here, and its holder ends with this process at the latest.
    ...(input === 'once' ? ['(exec 3>&- 4>&- 5>&- 7>&- 8>&- 9>&-; read -r line <eof) &', 'exec 6>eof'] : []),
    'read -r line </proc/self/stat; echo "$line" >launcher',
    '(',
    '  set -e',
    ...joinGroups(options.joinFiles).map((line) => `  ${line}`),
    `  exec nsenter ${join([...namespaces, ...options.command])}`,
    ') >&8 2>&9 5<&-',
    'status=$?',
    'exec 8>&- 9>&-',
    'echo $status >exit',
    `echo ${options.id} 1<>${quote(options.events)}`,
    'read -r line <&5',
  ].join('\n')
}

/** Whose processes a container sees; `target`: those of another container. */
export type PidNamespace = NonNullable<SandboxConfig['pidNamespace']> | 'target'

/**
 * Makes the first process of a container from its setup script, and ends as it ends. Not by `unshare --fork`, which fails to pass SIGKILL on;
 * the shell in between says nothing of signals to the agent's pipe, which is closed by then.
 */
export const containerCommand = (pidNamespace: PidNamespace): readonly string[] => [
  'unshare',
  '--mount',
  ...(pidNamespace === 'container' ? ['--pid'] : []),
  ...['sh', '-c', 'exec >/dev/null 2>&1; (. ./setup.sh >&8 2>&9); exit $?'],
]

/**
 * Runs as the container's first process: mounts its root, moves into it and lets go of this machine's. `/..` is the old root, which
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
  input: Input
  tty: boolean
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
    ...startLines(options),
  ].join('\n')
}

const heldByLauncher = '3>&- 4>&- 6>&- 7>&- 8>&- 9>&-'

/** With a terminal it becomes the leader of a session that has it: only so a shell has job control. */
function startLines(options: Parameters<typeof setupScript>[0]): string[] {
  const command = processCommand(options)
  if (!options.tty) return [`exec ${join(command)} ${options.input === 'none' ? '</dev/null' : '<&7'} >&3 2>&4 ${heldByLauncher}`]
  return [`exec <>/dev/pts/0 >&0 2>&0 ${heldByLauncher}`, `exec ${join([...options.tools.setsid, '--ctty', ...command])}`]
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
export function execScript(options: {
  tools: HostTools
  pid: number
  uid: number
  joinFiles: readonly string[]
  command: readonly string[]
  tty: boolean
}): string {
  const { tools, pid, uid, joinFiles, command, tty } = options
  const enter = ['nsenter', '--target', String(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--wd=/']
  if (!tty) return [...joinGroups(joinFiles), `exec ${join([...enter, ...command])}`].join('\n')
  requireTerminalTools()
  return execTerminalScript({ initPid: pid, uid, joinFiles, sh: tools.sh, enter, command: [...tools.setsid, '--ctty', ...command] })
}
