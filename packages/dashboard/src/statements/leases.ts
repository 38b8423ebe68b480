import type { BreakKind, Database } from '@titan/payments'

/** A payment that a worker holds. */
export interface HeldPayment {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly owner: string
  readonly fence: number
  readonly until: Date
  /** Milliseconds until the lease ends by the clock of the database; negative once it has. */
  readonly remainingMs: number
  /** The gateway's answer is unknown. */
  readonly isUnknown: boolean
}

/** Payments under a lease, those that are due first. Reads the index of PROCESSING and no history. */
export async function listHeld(sql: Database, limit: number): Promise<HeldPayment[]> {
  return sql<HeldPayment[]>`
    select id, amount, currency, lease_owner as owner, fence, lease_until as until,
           (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as "remainingMs",
           unknown_since is not null as "isUnknown"
      from (select * from payments where status = 'PROCESSING' and not needs_review
             order by next_run_at, id limit ${limit}::int) few
     where lease_owner is not null and lease_until is not null
     order by lease_until, id`
}

/** Parked payments, those that wait longest first. */
export interface ParkedPayment {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly idempotencyKey: string
  readonly gateway: string | null
  readonly attemptNo: number
  readonly parkedAt: Date
  /** Why it was parked, as the event says that parked it last. */
  readonly reason: string | null
  /** Its oldest open contradiction. */
  readonly breakKind: BreakKind | null
  readonly charge: string | null
  /** What was charged, in minor units. */
  readonly chargedAmount: number | null
  readonly chargedCurrency: string | null
}

/** Reads the index of parked payments. */
export async function listParked(sql: Database, limit: number): Promise<ParkedPayment[]> {
  return sql<ParkedPayment[]>`
    select p.id, p.amount, p.currency, p.idempotency_key as "idempotencyKey", p.gateway, p.attempt_no as "attemptNo",
           p.updated_at as "parkedAt", coalesce(e.evidence ->> 'reason', e.evidence ->> 'code') as reason,
           b.kind as "breakKind", b.reference as charge, b.amount as "chargedAmount", b.currency as "chargedCurrency"
      from (select * from payments where needs_review order by updated_at, id limit ${limit}::int) p
      left join lateral (
        select evidence from payment_events
         where payment_id = p.id and type = 'payment.needs_review' order by seq desc limit 1
      ) e on true
      left join lateral (
        select kind, reference, coalesce(detail ->> 'charged_amount', detail ->> 'amount')::float8 as amount,
               coalesce(detail ->> 'charged_currency', detail ->> 'currency') as currency
          from reconciliation_breaks where payment_id = p.id and resolved_at is null order by id limit 1
      ) b on true
     order by p.updated_at, p.id`
}
