import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container, Pod } from '../../base/api/generated/types.ts'
import type { Image } from '../images/image-store.ts'
import type { ContainerConfig } from '../runtime/runtime.ts'
import { ContainerConfigError } from './environment.ts'
import { formatPod } from './pod-names.ts'

/** The account files of an image; empty where it has none. */
export interface Accounts {
  readonly passwd: string
  readonly group: string
}

/** Reads `/etc/passwd` and `/etc/group` of an image from its topmost layer that has them. */
export const readAccounts = async (image: Image): Promise<Accounts> => ({ passwd: await readOf(image, 'etc/passwd'), group: await readOf(image, 'etc/group') })

const readOf = async (image: Image, path: string): Promise<string> => {
  const candidates = [
    ...image.lowerDirs.map((folder) => join(folder, path)),
    ...image.hostBinds.filter((bind) => bind === `/${path}` || bind === '/etc').map(() => `/${path}`),
  ]
  for (const file of candidates) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  return ''
}

const rows = (text: string) =>
  text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length > 2)
const isNumber = (text: string) => /^\d+$/.test(text)

/** Who a container runs as: container over Pod over image. Throws ContainerConfigError where that is refused or unknown. */
export const containerUser = (options: { pod: Pod; container: Container; image: Image; accounts: Accounts }): ContainerConfig['user'] => {
  const { pod, container, image, accounts } = options
  const podContext = pod.spec.securityContext ?? {}
  const context = container.securityContext ?? {}
  const [imageUser = '', imageGroup = ''] = image.config.user.split(':')
  const wanted = context.runAsUser ?? podContext.runAsUser
  checkNonRoot({ pod, container, wanted, imageUser })
  const account = findAccount(accounts.passwd, wanted === undefined ? imageUser || '0' : String(wanted))
  const uid = wanted ?? account.uid
  if (uid === undefined) throw new ContainerConfigError(`unable to find user ${imageUser}: no matching entries in passwd file`)
  const runAsGroup = context.runAsGroup ?? podContext.runAsGroup
  const gid = runAsGroup ?? (wanted === undefined && imageGroup ? groupId(accounts.group, imageGroup) : undefined) ?? account.gid ?? 0
  const memberships = podContext.supplementalGroupsPolicy === 'Strict' ? [] : groupsOf(accounts.group, account.name)
  const extra = [...(podContext.fsGroup === undefined ? [] : [podContext.fsGroup]), ...(podContext.supplementalGroups ?? []), ...memberships]
  return { uid, gid, supplementalGroups: [...new Set(extra)].filter((group) => group !== gid) }
}

const checkNonRoot = ({ pod, container, wanted, imageUser }: { pod: Pod; container: Container; wanted: number | undefined; imageUser: string }): void => {
  if (!(container.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot)) return
  const where = `(pod: "${formatPod(pod)}", container: ${container.name})`
  if (wanted === 0) throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${where}`)
  if (wanted !== undefined) return
  if (imageUser === '' || imageUser === '0') throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${where}`)
  if (!isNumber(imageUser))
    throw new ContainerConfigError(`container has runAsNonRoot and image has non-numeric user (${imageUser}), cannot verify user is non-root ${where}`)
}

const findAccount = (passwd: string, user: string): { name?: string; uid?: number; gid?: number } => {
  const row = rows(passwd).find(([name, , uid]) => (isNumber(user) ? uid === user : name === user))
  if (row) return { name: row[0] ?? '', uid: Number(row[2]), gid: Number(row[3] ?? 0) }
  if (isNumber(user)) return { uid: Number(user) }
  return user === 'root' ? { name: 'root', uid: 0, gid: 0 } : {}
}

const groupId = (group: string, wanted: string): number => {
  if (isNumber(wanted)) return Number(wanted)
  const row = rows(group).find(([name]) => name === wanted)
  if (!row) throw new ContainerConfigError(`unable to find group ${wanted}: no matching entries in group file`)
  return Number(row[2])
}

const groupsOf = (group: string, name: string | undefined): number[] =>
  name === undefined
    ? []
    : rows(group)
        .filter((fields) => (fields[3] ?? '').split(',').includes(name))
        .map((fields) => Number(fields[2]))
