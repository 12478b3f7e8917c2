import { expect, it } from 'vitest'
import { privilegeArguments } from './capabilities.ts'

const user = { uid: 1, gid: 2, supplementalGroups: [] }
const bounding = (add: readonly string[], drop: readonly string[]) => {
  const words = privilegeArguments({ user, privileged: false, noNewPrivileges: false, capabilities: { add, drop } })
  return words[words.indexOf('--bounding-set') + 1]
}

it.each([
  [[], ['ALL'], '-all'],
  [['NET_BIND_SERVICE'], ['ALL'], '-all,+net_bind_service'],
  [['CAP_SYS_TIME'], ['ALL'], '-all,+sys_time'],
  [['ALL'], ['NET_RAW'], '+all,-net_raw'],
  [['NOT_A_CAPABILITY'], ['ALL', 'NOR_THIS'], '-all'],
])('leaves of added %j and dropped %j what the kernel knows', (add, drop, expected) => expect(bounding(add, drop)).toBe(expected))
