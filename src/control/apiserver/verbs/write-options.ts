import { StatusError } from '../../../base/machinery/status-error.ts'
import type { Call } from '../context.ts'

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

/** The query of every write: dryRun and fieldValidation. */
export function writeOptions({ request: { query } }: Call, options: string): { dryRun: boolean; fieldValidation: FieldValidation } {
  const dryRun = query.getAll('dryRun').filter(Boolean)
  const unknown = dryRun.find((value) => value !== 'All')
  if (unknown !== undefined) throw optionsInvalid(options, `dryRun: Unsupported value: ["${unknown}"]: supported values: "All"`)
  const fieldValidation = query.get('fieldValidation') || 'Warn'
  if (!['Strict', 'Warn', 'Ignore'].includes(fieldValidation)) {
    throw optionsInvalid(options, `fieldValidation: Unsupported value: "${fieldValidation}": supported values: "Ignore", "Strict", "Warn"`)
  }
  return { dryRun: dryRun.length > 0, fieldValidation: fieldValidation as FieldValidation }
}

export const optionsInvalid = (kind: string, fault: string) =>
  new StatusError('Invalid', `${kind}.meta.k8s.io "" is invalid: ${fault}`, { group: 'meta.k8s.io', kind })
