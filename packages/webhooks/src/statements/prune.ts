import type { Database } from './sql.ts'

/** Which part of the old events to look at. */
export interface PruneBatch {
  /** Events that are no older are left alone, and so are those with a delivery that is pending or changed since. */
  readonly retentionMs: number
  /** Continue after this event. @default '' */
  readonly after: string
  /** Events to look at. */
  readonly limit: number
}

/** What was found. */
export interface Pruned {
  /** Events that were deleted, with their deliveries and attempts. */
  readonly count: number
  /** The last event that was looked at; undefined when there is no older one. */
  readonly last: string | undefined
}

/**
 * Deletes old events of which nothing is under way any more. Walks along the ids: they begin with a time that is never
 * later than the event, so that no index is needed and what stays is not looked at again and again.
 */
export async function prune(sql: Database, { retentionMs, after, limit }: PruneBatch): Promise<Pruned> {
  const [row] = await sql<{ seen: number; last: string | null; count: number }[]>`
    with cutoff as materialized (
      select clock_timestamp() - ${retentionMs}::float8 * interval '1 millisecond' as at
    ), batch as materialized (
      select e.id, e.created_at from webhook_events e, cutoff
       where e.id > ${after}::text
         and e.id < 'evt_' || lpad(to_hex(floor(extract(epoch from cutoff.at) * 1000)::bigint), 12, '0')
       order by e.id limit ${limit}::int
    ), ended as materialized (
      -- A redelivery that comes in just now is seen, or waits until the row is gone.
      select d.id from webhook_deliveries d, batch, cutoff
       where d.event_id = batch.id and d.status <> 'PENDING' and d.updated_at < cutoff.at
         for update of d skip locked
    ), gone as (
      delete from webhook_events e using batch, cutoff
       where e.id = batch.id and batch.created_at < cutoff.at
         and not exists (select from webhook_deliveries d
                          where d.event_id = e.id and d.id not in (select id from ended))
   returning e.id
    )
    select count(*) as seen, max(id) as last, (select count(*) from gone) as count from batch`
  return { count: row?.count ?? 0, last: row?.seen === limit ? (row.last ?? undefined) : undefined }
}
