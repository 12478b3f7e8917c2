// `metadata.managedFields` as managers with their sets.
import type { ManagedFieldsEntry } from '../../api/generated/types.ts'
import { canonical, isEmptySet, type FieldSet } from './field-set.ts'

export type Entry = ManagedFieldsEntry

export const setOfEntry = (entry: Entry | undefined): FieldSet => (entry?.fieldsV1 as FieldSet | undefined) ?? {}

export const withSet = (entry: Entry, set: FieldSet): Entry => ({ ...entry, fieldsType: 'FieldsV1', fieldsV1: canonical(set) })

/** Who an entry is of. Appliers stay themselves whatever version they apply. */
export const isSameManager = (a: Entry, b: Entry): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  (a.subresource ?? '') === (b.subresource ?? '') &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion)

/** Upstream's order: by operation, time, manager, version, subresource. Entries that own nothing are left out. */
export const inOrder = (entries: readonly Entry[]): Entry[] => entries.filter((entry) => !isEmptySet(setOfEntry(entry))).sort(compareEntries)

const sortKeys = (entry: Entry): string[] => [entry.operation ?? '', entry.time ?? '', entry.manager ?? '', entry.apiVersion ?? '', entry.subresource ?? '']

function compareEntries(a: Entry, b: Entry): number {
  const others = sortKeys(b)
  for (const [i, key] of sortKeys(a).entries()) if (key !== others[i]) return key < others[i]! ? -1 : 1
  return 0
}

/** Whether upstream reads these entries; otherwise it keeps those that are stored. */
export const areReadable = (entries: readonly Entry[]): boolean =>
  entries.every((entry) => (entry.operation === 'Apply' || entry.operation === 'Update') && entry.apiVersion && entry.fieldsType === 'FieldsV1')

/** The one list by which a client takes the managed fields off: a single empty entry. */
export const isReset = (entries: readonly Entry[] | undefined): boolean => entries?.length === 1 && Object.keys(entries[0]!).length === 0
