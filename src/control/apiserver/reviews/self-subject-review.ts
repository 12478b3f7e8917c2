import type { UserInfo } from '../request.ts'

/** `kubectl auth whoami`. */
export const selfSubjectReview = (object: Readonly<Record<string, unknown>>, { name, uid, groups, extra }: UserInfo, now: string): object => ({
  metadata: { ...(object['metadata'] as object | undefined), creationTimestamp: now },
  status: { userInfo: { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) } },
})
