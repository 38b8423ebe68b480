import type { Database } from '@titan/payments'
import { statement } from './statements.ts'

/** Which events to examine. */
export interface PruneBatch {
  /** Age from which events are deleted, in milliseconds. */
  readonly retentionMs: number
  /** Continue after this event; '' for the first batch. */
  readonly after: string
  /** Most events to examine. */
  readonly limit: number
}

/** What was found. */
export interface Pruned {
  /** Events that were deleted, with their deliveries and attempts. */
  readonly count: number
  /** The last event that was examined; undefined when there is no older one. */
  readonly last: string | undefined
}

interface Walk {
  readonly seen: number
  readonly last: string | null
  readonly count: number
}

const pruneEvents = statement<Walk>('prune')

/** Deletes old events whose deliveries have all ended. */
export async function prune(sql: Database, { retentionMs, after, limit }: PruneBatch): Promise<Pruned> {
  const [row] = await pruneEvents(sql, { retentionMs, after, most: limit })
  return { count: row?.count ?? 0, last: row?.seen === limit ? (row.last ?? undefined) : undefined }
}
