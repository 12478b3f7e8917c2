import type { KubeObject } from '../../base/api/object.ts'
import type { Resource } from '../../base/api/resource.ts'
import type { ApiResponse } from './request.ts'
import type { Item } from './storage/item.ts'

export interface WatchRecord {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  /** Absent for bookmarks and errors. */
  readonly item?: Item
  readonly object?: object
}

/** The events of a watch, for one reader. */
export interface WatchRecords extends AsyncIterable<WatchRecord> {
  /** Runs at the end of the watch, whoever ends it; at once when it has ended. */
  onEnd(cleanup: () => void): void
}

/** What a verb gives, before it is rendered for a client's Accept header or handed over by loopback. */
export type Outcome =
  | { readonly type: 'item'; readonly status: number; readonly resource: Resource; readonly item: Item }
  /** An object that is not stored: a dry run's result, a Status, a review. */
  | { readonly type: 'object'; readonly status: number; readonly object: object; readonly resource?: Resource }
  | {
      readonly type: 'list'
      readonly resource: Resource
      readonly items: readonly Item[]
      readonly revision: number
      readonly next?: string
      readonly remaining?: number
    }
  | { readonly type: 'watch'; readonly resource: Resource; readonly records: WatchRecords }
  | { readonly type: 'response'; readonly response: ApiResponse }

/** The result of a write: stored, or what would have been stored. */
export type Written = { readonly item: Item } | { readonly object: KubeObject }

export const writtenObject = (written: Written): KubeObject => ('item' in written ? written.item.object : written.object)

export const outcomeOf = (resource: Resource, written: Written, status = 200): Outcome =>
  'item' in written ? { type: 'item', status, resource, item: written.item } : { type: 'object', status, resource, object: written.object }
