import type { Database } from './database.ts'

/** A look-up of which the gateway answers that it does not know the attempt. */
export interface LookUpRecord {
  readonly paymentId: string
  /** Fence of the payment when the gateway was asked. */
  readonly fence: number
  readonly actor: string
  /** Least time since the last claim that may have sent the attempt, in milliseconds. */
  readonly minAgeMs: number
}

/** `too_early`: a send was so recent that the gateway may not show it yet. `moved_on`: the payment has changed. */
export type LookUpRecorded = 'recorded' | 'too_early' | 'moved_on'

/**
 * Records that the gateway does not know the open attempt of a parked payment. Counts until the next claim.
 */
export async function recordLookUp(
  sql: Database,
  { paymentId, fence, actor, minAgeMs }: LookUpRecord,
): Promise<LookUpRecorded> {
  const [row] = await sql<{ readonly is_old: boolean }[]>`
    with target as (
      select id,
             coalesce(
               (select max(at) from payment_events
                 where payment_id = p.id and type in ('payment.processing', 'payment.taken_over'))
                 <= clock_timestamp() - ${minAgeMs}::float8 * interval '1 millisecond',
               true) as is_old
        from payments p
       where id = ${paymentId}::text and fence = ${fence}::bigint and status = 'PROCESSING' and needs_review and attempt_open
         and (lease_until is null or lease_until < clock_timestamp())
         for update
    ), noted as (
      update payments p
         set looked_up_fence = p.fence, event_seq = p.event_seq + 1
        from target
       where p.id = target.id and target.is_old
   returning p.id, p.attempt_no, p.event_seq
    ), written as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq, 'payment.unknown', 'PROCESSING', 'PROCESSING', ${actor}::text,
             jsonb_build_object('attempt_no', attempt_no, 'reason', 'looked up: the gateway does not know the attempt')
        from noted
    )
    select is_old from target`
  if (row === undefined) return 'moved_on'
  return row.is_old ? 'recorded' : 'too_early'
}
