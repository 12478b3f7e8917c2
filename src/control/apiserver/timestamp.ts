import type { Clock } from '../../base/lib/clock.ts'

/** metav1.Time: RFC 3339 in whole seconds. */
export const timestamp = (clock: Clock, offsetMs = 0): string => new Date(clock.now() + offsetMs).toISOString().replace(/\.\d+Z$/, 'Z')
