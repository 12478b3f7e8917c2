import type { ContainerConfig } from '../runtime.ts'

/** What Docker and containerd leave a container by default. */
const defaults = [
  'chown',
  'dac_override',
  'fsetid',
  'fowner',
  'mknod',
  'net_raw',
  'setgid',
  'setuid',
  'setfcap',
  'setpcap',
  'net_bind_service',
  'sys_chroot',
  'kill',
  'audit_write',
]

/** All there are. As runc does, others are passed over. */
const known = new Set([
  ...defaults,
  'all',
  'dac_read_search',
  'linux_immutable',
  'net_broadcast',
  'net_admin',
  'ipc_lock',
  'ipc_owner',
  'sys_module',
  'sys_rawio',
  'sys_ptrace',
  'sys_pacct',
  'sys_admin',
  'sys_boot',
  'sys_nice',
  'sys_resource',
  'sys_time',
  'sys_tty_config',
  'lease',
  'audit_control',
  'mac_override',
  'mac_admin',
  'syslog',
  'wake_alarm',
  'block_suspend',
  'audit_read',
  'perfmon',
  'bpf',
  'checkpoint_restore',
])

/** The arguments for setpriv that give a process the container's user, groups and capabilities. */
export function privilegeArguments(config: Pick<ContainerConfig, 'user' | 'privileged' | 'noNewPrivileges' | 'capabilities'>): string[] {
  const groups = config.user.supplementalGroups
  return [
    ...['--reuid', String(config.user.uid), '--regid', String(config.user.gid)],
    ...(groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups']),
    ...['--inh-caps', '-all'],
    ...(config.privileged ? [] : ['--bounding-set', boundingSet(config.capabilities)]),
    ...(config.noNewPrivileges ? ['--no-new-privs'] : []),
  ]
}

function boundingSet({ add, drop }: ContainerConfig['capabilities']): string {
  const added = namesOf(add)
  const dropped = namesOf(drop)
  const start = added.includes('all') ? ['+all'] : ['-all']
  const kept = dropped.includes('all') || added.includes('all') ? [] : defaults
  const on = [...new Set([...kept.filter((name) => !dropped.includes(name)), ...added.filter((name) => name !== 'all')])].map((name) => `+${name}`)
  const off = added.includes('all') ? dropped.filter((name) => name !== 'all').map((name) => `-${name}`) : []
  return [...start, ...on, ...off].join(',')
}

const namesOf = (names: readonly string[]) => names.map((name) => name.toLowerCase().replace(/^cap_/, '')).filter((name) => known.has(name))
