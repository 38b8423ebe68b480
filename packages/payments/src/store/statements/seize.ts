import type { Claim } from '../../flow/claim.ts'
import type { Database } from '../database.ts'
import { claimColumns, toClaim, type ClaimRow } from './claim.ts'

/** Names the attempt that somebody else than a worker has an answer for. */
export interface SeizedAttempt {
  readonly paymentId: string
  readonly attemptNo: number
  readonly gateway: string
  /** Shown as the actor of the event. */
  readonly actor: string
}

/** For the time between the two statements of whoever seizes, in milliseconds. */
const LEASE_MS = 5_000

/**
 * Takes a payment with an open attempt from whoever holds it, parked or not: the gateway's own answer outranks a worker
 * that still waits for it. Undefined when this attempt is not open. What the former holder writes later changes nothing.
 */
export async function seize(sql: Database, attempt: SeizedAttempt): Promise<Claim | undefined> {
  const { paymentId, attemptNo, gateway, actor } = attempt
  const rows = await sql<ClaimRow[]>`
    with target as (
      select id, status from payments
       where id = ${paymentId}::text and attempt_no = ${attemptNo}::int and attempt_open and gateway = ${gateway}::text
         and status in ('QUEUED', 'PROCESSING')
         for update
    ), seized as (
      update payments p
         set status        = 'PROCESSING',
             fence         = p.fence + 1,
             lease_owner   = ${actor}::text,
             lease_until   = clock_timestamp() + ${LEASE_MS}::float8 * interval '1 millisecond',
             first_sent_at = coalesce(p.first_sent_at, clock_timestamp()),
             -- The gateway has an answer, so something did reach it.
             sends         = greatest(p.sends, 1),
             event_seq     = p.event_seq + 1,
             updated_at    = clock_timestamp()
        from target
       where p.id = target.id
   returning p.*, target.status as from_status
    ), attempt as (
      update payment_attempts a
         set fence = seized.fence, sends = seized.sends, first_sent_at = seized.first_sent_at
        from seized
       where a.payment_id = seized.id and a.attempt_no = seized.attempt_no
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq, 'payment.taken_over', from_status, 'PROCESSING', ${actor}::text,
             jsonb_build_object('attempt_no', attempt_no, 'fence', fence)
        from seized
    )
    select ${claimColumns(sql)} from seized`
  const [row] = rows
  return row && { ...toClaim(row), mode: 'resolve' }
}
