import type { Claim, ClaimAnswer, SkipReason } from '../../flow/claim.ts'
import type { Database } from '../database.ts'
import { gatewayKeyOf } from '../../domain/identifiers.ts'
import type { PaymentStatus } from '../../domain/payment.ts'
import { passStep } from '../../flow/steps.ts'
import { toRecords } from './records.ts'

/** Who claims, for how long and for which gateway. */
export interface ClaimOptions {
  /** The worker's name; shown, never compared. */
  readonly owner: string
  /** Length of the lease in milliseconds, by the database clock. */
  readonly leaseMs: number
  /** The gateway at which new attempts begin; open attempts of another one are left alone. */
  readonly gateway: string
}

/** What a claim needs of the payment's row. */
export interface ClaimRow {
  readonly id: string
  readonly fence: number
  readonly attempt_no: number
  readonly gateway: string
  readonly amount: number
  readonly currency: string
  readonly retries: number
  readonly resolves: number
  readonly sends: number
  readonly takeovers: number
  readonly key_age_ms: number
  readonly age_ms: number
  readonly gateway_ref: string | null
}

/**
 * T2 and T3 for many payments. One statement: lock in the order of the ids, fence + 1, lease, the attempt with
 * its key, the events. When it has committed, the key is on disk and a first byte may be sent.
 * A second statement asks why, when some could not be claimed.
 */
export async function claimMany(
  sql: Database,
  ids: readonly string[],
  options: ClaimOptions,
): Promise<ClaimAnswer[]> {
  const { owner, leaseMs, gateway } = options
  // All that decides is on the payment's own row: of that alone the lock guarantees the latest version.
  const rows = await sql<ClaimRow[]>`
    with target as (
      select p.id, p.status, p.status = 'PROCESSING' and p.lease_until is not null as is_takeover
        from (select distinct id from unnest(${ids}::text[]) as id order by id) request
       cross join lateral (
         select id, status, lease_until from payments
          where id = request.id
            and not needs_review
            and next_run_at <= clock_timestamp()
            and (status in ('PENDING', 'QUEUED')
                 or status = 'PROCESSING' and (lease_until is null or lease_until < clock_timestamp()))
            and (not attempt_open or gateway = ${gateway}::text)
            for update
       ) p
    ), claimed as (
      update payments p
         set status        = 'PROCESSING',
             fence         = p.fence + 1,
             lease_owner   = ${owner}::text,
             lease_until   = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond',
             attempt_no    = p.attempt_no + case when p.attempt_open then 0 else 1 end,
             attempt_open  = true,
             gateway       = ${gateway}::text,
             first_sent_at = coalesce(case when p.attempt_open then p.first_sent_at end, clock_timestamp()),
             sends         = case when p.attempt_open then p.sends else 0 end + 1,
             takeovers     = case when p.attempt_open then p.takeovers else 0 end + target.is_takeover::int,
             resolves      = case when p.attempt_open then p.resolves else 0 end,
             event_seq     = p.event_seq + case when p.status = 'PENDING' then 2 else 1 end,
             updated_at    = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.fence, p.attempt_no, p.gateway, p.amount, p.currency, p.retries, p.resolves, p.sends, p.takeovers,
             p.gateway_ref, p.first_sent_at, p.created_at, p.event_seq, target.status as from_status, target.is_takeover
    ), attempt as (
      insert into payment_attempts as a
             (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, first_sent_at, sends, takeovers)
      select id, attempt_no, gateway, 'titan_' || id || '_' || attempt_no, amount, currency, fence, first_sent_at, sends, takeovers
        from claimed
          on conflict (payment_id, attempt_no) do update
         set fence         = excluded.fence,
             first_sent_at = excluded.first_sent_at,
             sends         = excluded.sends,
             takeovers     = excluded.takeovers
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq - 1, 'payment.queued', 'PENDING', 'QUEUED', ${owner}::text, null::jsonb
        from claimed where from_status = 'PENDING'
       union all
      select id, event_seq, case when is_takeover then 'payment.taken_over' else 'payment.processing' end,
             case from_status when 'PENDING' then 'QUEUED' else from_status end, 'PROCESSING', ${owner}::text,
             jsonb_build_object('attempt_no', attempt_no, 'fence', fence)
        from claimed
    )
    select ${claimColumns(sql)} from claimed`
  if (rows.length > 0) passStep('payments.claimed', () => rows.map(({ id }) => id))
  const claims = new Map(rows.map((row) => [row.id, toClaim(row)]))
  const missing = ids.filter((id) => !claims.has(id))
  const skipped =
    missing.length > 0 ? await explainMany(sql, missing, gateway) : new Map<string, ClaimAnswer>()
  return ids.map((id) => {
    const claim = claims.get(id)
    // An id that was asked for twice is claimed once.
    claims.delete(id)
    if (claim !== undefined) return { kind: 'claimed', claim }
    return skipped.get(id) ?? { kind: 'skipped', reason: 'leased', status: 'PROCESSING', waitMs: leaseMs }
  })
}

/** The columns of a {@link ClaimRow}, from rows of payments. */
export function claimColumns(sql: Database): ReturnType<Database> {
  return sql`
    id, fence, attempt_no, gateway, amount, currency, retries, resolves, sends, takeovers, gateway_ref,
    extract(epoch from clock_timestamp() - first_sent_at)::float8 * 1000 as key_age_ms,
    extract(epoch from clock_timestamp() - created_at)::float8 * 1000 as age_ms`
}

/** The one mapping of those columns. */
export function toClaim(row: ClaimRow): Claim {
  return {
    paymentId: row.id,
    fence: row.fence,
    // This claim counts as a send already; any other one may have left a request at the gateway.
    mode: row.sends === 1 ? 'send' : 'resolve',
    attemptNo: row.attempt_no,
    gateway: row.gateway,
    gatewayKey: gatewayKeyOf(row.id, row.attempt_no),
    amount: row.amount,
    currency: row.currency,
    retries: row.retries,
    resolves: row.resolves,
    takeovers: row.takeovers,
    keyAgeMs: row.key_age_ms,
    ageMs: row.age_ms,
    gatewayRef: row.gateway_ref,
  }
}

interface ExplainRow {
  readonly id: string
  readonly status: PaymentStatus
  readonly reason: SkipReason
  readonly wait_ms: number
}

async function explainMany(
  sql: Database,
  ids: readonly string[],
  gateway: string,
): Promise<Map<string, ClaimAnswer>> {
  const rows = await sql<ExplainRow[]>`
    select id, status,
           case
             when status in ('SUCCESS', 'FAILED') then 'terminal'
             when needs_review then 'needs_review'
             when attempt_open and gateway is distinct from ${gateway}::text then 'other_gateway'
             when lease_until >= clock_timestamp() then 'leased'
             else 'not_due'
           end as reason,
           greatest(0, ceil(extract(epoch from greatest(lease_until, next_run_at) - clock_timestamp()) * 1000))::float8
             as wait_ms
      from payments
     where id = any(${ids}::text[])`
  const answers = new Map<string, ClaimAnswer>()
  for (const { id, status, reason, wait_ms: waitMs } of rows)
    answers.set(id, { kind: 'skipped', reason, status, waitMs })
  for (const id of ids)
    if (!answers.has(id)) answers.set(id, { kind: 'skipped', reason: 'not_found', status: null, waitMs: 0 })
  return answers
}

/** A claim to extend. */
export interface HeldClaim {
  readonly paymentId: string
  readonly fence: number
}

/** Extends leases that are still held; the answer says for each whether it was. */
export async function renewMany(
  sql: Database,
  held: readonly HeldClaim[],
  leaseMs: number,
): Promise<boolean[]> {
  const records = held.map(({ paymentId, fence }) => [paymentId, fence])
  const rows = await sql<{ id: string; fence: number }[]>`
    with target as (
      select p.id
        from (select * from unnest(${toRecords(records)}::text::payment_claim[]) order by id) held
       cross join lateral (
         select id from payments
          where id = held.id and fence = held.fence and status = 'PROCESSING' and lease_until >= clock_timestamp()
            for update
       ) p
    )
    update payments p
       set lease_until = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond', updated_at = clock_timestamp()
      from target
     where p.id = target.id
 returning p.id, p.fence`
  const renewed = new Set(rows.map(({ id, fence }) => `${id} ${fence}`))
  return held.map(({ paymentId, fence }) => renewed.has(`${paymentId} ${fence}`))
}
