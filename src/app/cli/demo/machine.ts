import { existsSync } from 'node:fs'
import { release, userInfo } from 'node:os'
import { serviceProxyHere } from '../../../node/network/service-proxy/choose-proxy.ts'

/** What of this machine decides how the cluster runs. */
export async function machine(): Promise<string> {
  const cgroup = existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'cgroup v2' : 'cgroup v1'
  const who = process.getuid?.() === 0 ? 'root' : userInfo().username
  return `Linux ${release().split('.').slice(0, 2).join('.')}, ${who}, ${cgroup}, ${await serviceProxyHere()}`
}
