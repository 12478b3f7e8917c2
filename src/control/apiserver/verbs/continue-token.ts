import { posix } from 'node:path'
import { badRequest } from '../errors.ts'

/** Where a page of a list goes on: after the first `latest`, an inconsistent list is read as it stands now. */
export interface ContinueToken {
  /** The revision of the first page, or `latest`. */
  readonly revision: number
  /** The first key of the page, without the list's prefix. */
  readonly start: string
}

/** Upstream's mark of a token that goes on with whatever is there now, given where the first page's revision is gone. */
export const latest = -1

const version = 'meta.k8s.io/v1'
const refuse = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`)

export const encodeContinue = ({ revision, start }: ContinueToken): string =>
  Buffer.from(JSON.stringify({ v: version, rv: revision, start })).toString('base64url')

export function decodeContinue(token: string): ContinueToken {
  const { v, rv, start } = parse(token)
  if (v !== version) throw refuse(`server does not recognize this encoded version ${typeof v === 'string' ? v : ''}`)
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0 || rv < latest)
    throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  if (typeof start !== 'string' || start === '') throw refuse('encoded start key empty (version meta.k8s.io/v1)')
  // A key that climbs could read beside the list's own prefix.
  const absolute = start.startsWith('/') ? start : `/${start}`
  if (posix.normalize(absolute) !== absolute) throw refuse(start)
  return { revision: rv, start: absolute.slice(1) }
}

function parse(token: string): { v?: unknown; rv?: unknown; start?: unknown } {
  const bad = /[^A-Za-z0-9_-]/.exec(token)
  if (bad) throw refuse(`illegal base64 data at input byte ${bad.index}`)
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    if (typeof value === 'object' && value !== null) return value
  } catch (error) {
    throw refuse((error as Error).message)
  }
  throw refuse('json: cannot unmarshal into Go value of type storage.continueToken')
}
