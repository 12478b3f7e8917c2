import { readFileSync } from 'node:fs'
import type { RootView } from '../root-view.ts'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** `user[:group]`, names or numbers, by the accounts of an image. Throws where it has none of that name. */
export function ownerOf(text: string, view: RootView): Owner {
  if (text === '') return { uid: 0, gid: 0 }
  const [user = '', group] = text.split(':')
  const account = accountLine(view, '/etc/passwd', user)
  const uid = /^\d+$/.test(user) ? Number(user) : Number(account?.[2] ?? Number.NaN)
  const gid =
    group === undefined
      ? account
        ? Number(account[3])
        : uid
      : /^\d+$/.test(group)
        ? Number(group)
        : Number(accountLine(view, '/etc/group', group)?.[2] ?? Number.NaN)
  if (Number.isNaN(uid) || Number.isNaN(gid)) throw new Error(`${text}: no such user or group in the image`)
  return { uid, gid }
}

function accountLine(view: RootView, file: string, name: string): string[] | undefined {
  const found = view.find(file)
  if (!found?.stats.isFile()) return undefined
  const lines = readFileSync(found.hostPath, 'utf8').split('\n')
  return lines.map((line) => line.split(':')).find((fields) => fields[0] === name)
}
