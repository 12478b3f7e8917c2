import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Profile, type ProfilePaths, profilePaths } from './profile.ts'

/**
 * Restarts what dies: one small shell loop per role, outside Node, in a session of its own. A role that ran for ten
 * seconds starts again at once; one that dies young waits 0.2 s, then twice as long each time up to 5 s.
 */
const loop = `
role=$1; shift
echo "$$" >"$role.supervisor"
fails=0
while [ ! -e stop ]; do
  began=$(date +%s)
  "$@" </dev/null >>"../logs/$role.log" 2>&1 &
  child=$!
  echo "$child" >"$role.pid"
  trap 'kill "$child" 2>/dev/null; wait "$child"; rm -f "$role.pid" "$role.supervisor"; exit 0' TERM
  wait "$child"
  [ -e stop ] && break
  if [ $(($(date +%s) - began)) -ge 10 ]; then fails=0; else fails=$((fails + 1)); fi
  case $fails in 0|1) sleep 0.2 ;; 2) sleep 0.4 ;; 3) sleep 1 ;; 4) sleep 2 ;; *) sleep 5 ;; esac
done
rm -f "$role.pid" "$role.supervisor"
`

export type Role = 'server' | 'agent'
export const roles: readonly Role[] = ['agent', 'server']

/** Starts a role under its loop; it outlives the caller. */
export function supervise(paths: ProfilePaths, role: Role, command: readonly string[], environment: NodeJS.ProcessEnv): void {
  mkdirSync(paths.run, { recursive: true, mode: 0o700 })
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 })
  rmSync(join(paths.run, 'stop'), { force: true })
  const log = openSync(join(paths.logs, 'supervisor.log'), 'a')
  const child = spawn('/bin/sh', ['-c', loop, 'knarr-supervisor', role, ...command], {
    cwd: paths.run,
    detached: true,
    stdio: ['ignore', log, log],
    env: environment,
  })
  child.unref()
  closeSync(log)
}

/** Whether the role's loop is alive. */
export const isSupervised = (paths: ProfilePaths, role: Role): boolean => livePid(join(paths.run, `${role}.supervisor`), 'knarr-supervisor') !== undefined

/** Whether every role that the cluster needs is kept alive. */
export const isUp = (home: string, { name, runtime }: Profile): boolean => {
  const paths = profilePaths(home, name)
  return isSupervised(paths, 'server') && (runtime === 'simulated' || isSupervised(paths, 'agent'))
}

export const rolePid = (paths: ProfilePaths, role: Role): number | undefined => livePid(join(paths.run, `${role}.pid`), 'knarr')

/** Ends a role whose loop was killed: two servers must never write to one store. */
export async function stopOrphans(paths: ProfilePaths): Promise<void> {
  await endRoles(
    paths,
    roles.filter((role) => !isSupervised(paths, role)),
    5000,
  )
}

/** Ends every role and its loop; what does not end within `patienceMs` is killed. Says whether anything ran. */
export async function stopRoles(paths: ProfilePaths, patienceMs = 5000): Promise<boolean> {
  if (existsSync(paths.run)) writeFileSync(join(paths.run, 'stop'), '')
  return endRoles(paths, roles, patienceMs)
}

async function endRoles(paths: ProfilePaths, roles: readonly Role[], patienceMs: number): Promise<boolean> {
  const pids = roles
    .flatMap((role) => [livePid(join(paths.run, `${role}.supervisor`), 'knarr-supervisor'), rolePid(paths, role)])
    .filter((pid) => pid !== undefined)
  for (const pid of pids) signal(pid, 'SIGTERM')
  const deadline = performance.now() + patienceMs
  while (pids.some(isAlive) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
  for (const pid of pids) if (isAlive(pid)) signal(pid, 'SIGKILL')
  for (const role of roles) for (const file of ['pid', 'supervisor']) rmSync(join(paths.run, `${role}.${file}`), { force: true })
  return pids.length > 0
}

/** The pid in a file, if that process is alive and its command line shows that it is ours (pids are used again after a reboot). */
function livePid(file: string, mark: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    if (!pid || !isAlive(pid)) return undefined
    if (process.platform !== 'linux') return pid
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark) ? pid : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return process.platform !== 'linux' || !isZombie(pid)
}

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, ''))
  } catch {
    return true
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended by itself.
  }
}
