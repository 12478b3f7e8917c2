import { StatusError } from '../status-error.ts'
import type { Entry } from './entries.ts'
import { pathText } from './field-set.ts'

/** One field that someone else owns with another value. */
export interface Conflict {
  readonly entry: Entry
  readonly path: readonly string[]
}

/** The refusal of an apply, as upstream words it. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.map(({ entry, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${managerText(entry)}`, field: pathText(path) }))
  return new StatusError('Conflict', messageOf(conflicts), { causes } as never)
}

function messageOf(conflicts: readonly Conflict[]): string {
  const [first] = conflicts
  if (conflicts.length === 1 && first) return `Apply failed with 1 conflict: conflict with ${managerText(first.entry)}: ${pathText(first.path)}`
  const byManager = new Map<string, string[]>()
  for (const { entry, path } of conflicts) {
    const manager = managerText(entry)
    byManager.set(manager, [...(byManager.get(manager) ?? []), `- ${pathText(path)}`])
  }
  const lines = [...byManager].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([manager, paths]) => [`conflicts with ${manager}:`, ...paths])
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`
}

function managerText({ manager, subresource, operation, apiVersion }: Entry): string {
  const name = JSON.stringify(manager ?? '') + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '')
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}
