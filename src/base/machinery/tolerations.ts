import type { Taint, Toleration } from '../api/generated/types.ts'

/** As upstream's Toleration.ToleratesTaint: an empty effect or key stands for all. */
export const tolerates = ({ key, operator = 'Equal', value = '', effect }: Toleration, taint: Taint): boolean => {
  if (effect && effect !== taint.effect) return false
  if (key && key !== taint.key) return false
  return operator === 'Exists' || (operator === 'Equal' && value === (taint.value ?? ''))
}
