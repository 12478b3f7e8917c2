import { stampOf } from '../../base/client/stamp.ts'
import type { Clock } from '../../base/lib/clock.ts'

/** The clock's time as metav1.Time. */
export const timestamp = (clock: Clock, offsetMs = 0): string => stampOf(clock.now() + offsetMs)
