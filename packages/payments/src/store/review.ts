import type { Database, Queryable } from './database.ts'
import { evidenceText } from '../domain/evidence.ts'
import type { BreakKind } from '../domain/settlement.ts'

/** T10. `changed` is false when the payment is unknown, final, or has an attempt already. */
export async function cancelPayment(
  sql: Database,
  id: string,
  actor: string,
  reason: string,
): Promise<boolean> {
  const rows = await sql`
    with target as (
      select id, status from payments
       where id = ${id}::text and status in ('PENDING', 'QUEUED') and attempt_no = 0
         for update
    ), moved as (
      update payments p
         set status       = 'FAILED',
             failure_code = 'canceled',
             failure_kind = 'canceled',
             event_seq    = p.event_seq + 1,
             updated_at   = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.event_seq, target.status as from_status
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq, 'payment.failed', from_status, 'FAILED', ${actor}::text,
             jsonb_build_object('code', 'canceled', 'reason', ${evidenceText(reason)}::text)
        from moved
    )
    select id from moved`
  return rows.length === 1
}

/** What an operator found out about a parked payment, and where. */
export interface OperatorDecision {
  /** `SUCCESS` needs the gateway's id of the charge. `FAILED` says that no money moved. `RETRY` asks the gateway again. */
  readonly to: 'SUCCESS' | 'FAILED' | 'RETRY'
  readonly operator: string
  /** Where the evidence is; kept for ever. */
  readonly note: string
  readonly gatewayRef?: string
  /** The id of the charge once more; needed when another charge is on record. */
  readonly confirmedRef?: string
}

/** Why a decision was refused, and nothing was changed. */
export type DecisionRefusal =
  /** The payment does not wait for a decision, or a worker holds it. */
  | 'not_parked'
  /** SUCCESS without the id of a charge. */
  | 'no_charge'
  /** FAILED or RETRY, and a charge is on record that was neither refunded nor accepted. */
  | 'charge_on_record'
  /** RETRY, and no attempt is open, or a charge of another attempt came to light. */
  | 'nothing_to_ask'
  /** SUCCESS with a charge whose refund is on record. */
  | 'charge_refunded'
  /** SUCCESS with a charge of another amount or currency than the payment's. */
  | 'amount_differs'
  /** SUCCESS with a charge of another payment. */
  | 'charge_of_another'
  /** SUCCESS with another charge than those on record, not confirmed. */
  | 'unconfirmed'
  /** SUCCESS with a charge of another attempt while the open one may be charged: look that one up first. */
  | 'look_up_first'

/** `decided`: also when the same decision was made before, so that it may be repeated after a lost answer. */
export type DecisionEffect = 'decided' | DecisionRefusal

/**
 * Locks a payment for the statements that follow in the transaction. Each of them sees what was committed before the
 * lock was granted; a condition on another table in one statement with the lock would see an older state.
 */
export async function lockPayment(sql: Queryable, id: string): Promise<void> {
  await sql`select from payments where id = ${id}::text for update`
}

/** T11, with a fence of its own. */
export async function decideReview(
  sql: Database,
  id: string,
  decision: OperatorDecision,
): Promise<DecisionEffect> {
  if (decision.to === 'SUCCESS' && (decision.gatewayRef ?? '') === '') return 'no_charge'
  try {
    return await sql.begin((transaction) => decideLocked(transaction, id, decision))
  } catch (error) {
    // A worker was faster.
    if (isChargeTaken(error)) return 'charge_of_another'
    throw error
  }
}

async function decideLocked(
  transaction: Queryable,
  id: string,
  decision: OperatorDecision,
): Promise<DecisionEffect> {
  await lockPayment(transaction, id)
  // Of two decisions that name one charge, the second sees the first, also where history kept its index from being unique.
  if (decision.to === 'SUCCESS')
    await transaction`select pg_advisory_xact_lock(hashtextextended(${decision.gatewayRef ?? ''}::text, ${CHARGE_LOCK}::bigint))`
  const refusal = await judgeDecision(transaction, id, decision)
  if (refusal === 'not_parked') return (await isRepeated(transaction, id, decision)) ? 'decided' : refusal
  if (refusal !== undefined) return refusal
  return (await writeDecision(transaction, id, decision)) ? 'decided' : 'not_parked'
}

/** Any number will do, as long as every program of this project uses the same. */
const CHARGE_LOCK = 7_414_216

/** Whether the database refused a SUCCESS because its charge is of another payment. */
export function isChargeTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const isIt = 'constraint_name' in error && error.constraint_name === 'payments_charge_of_one_payment'
  return isIt || isChargeTaken(error.cause)
}

/** The facts that a decision must not contradict. */
interface Facts {
  readonly open_charges: number
  readonly may_ask: boolean
  readonly must_look_up: boolean
  readonly is_known: boolean
  readonly knows_any: boolean
  readonly is_refunded: boolean
  readonly is_mismatch: boolean
  readonly is_taken: boolean
}

async function judgeDecision(
  sql: Queryable,
  id: string,
  { to, gatewayRef, confirmedRef }: OperatorDecision,
): Promise<DecisionRefusal | undefined> {
  const facts = await readFacts(sql, id, gatewayRef ?? '')
  if (facts === undefined) return 'not_parked'
  if (to !== 'SUCCESS' && facts.open_charges > 0) return 'charge_on_record'
  if (to === 'RETRY' && !facts.may_ask) return 'nothing_to_ask'
  return to === 'SUCCESS' ? judgeCharge(facts, gatewayRef === confirmedRef) : undefined
}

function judgeCharge(facts: Facts, isConfirmed: boolean): DecisionRefusal | undefined {
  if (facts.is_refunded) return 'charge_refunded'
  if (facts.is_mismatch) return 'amount_differs'
  if (facts.is_taken) return 'charge_of_another'
  if (facts.knows_any && !facts.is_known && !isConfirmed) return 'unconfirmed'
  return facts.must_look_up ? 'look_up_first' : undefined
}

async function readFacts(sql: Queryable, id: string, ref: string): Promise<Facts | undefined> {
  const [facts] = await sql<Facts[]>`
    with own as (
      select kind, reference, resolved_at, refund_ref,
             coalesce(detail ->> 'charged_amount', detail ->> 'amount') as amount,
             coalesce(detail ->> 'charged_currency', detail ->> 'currency') as currency
        from reconciliation_breaks where payment_id = ${id}::text and kind <> 'missing_at_gateway'
    ), known as (
      select reference from own where refund_ref is null
       union
      select unnest(array[gateway_ref, late_charge_ref]) from payments where id = ${id}::text
    )
    select p.open_charges,
           p.attempt_open and p.late_charge_ref is null as may_ask,
           -- The open attempt has an answer of its own yet to come, which a charge of another one does not give.
           p.attempt_open and p.looked_up_fence is distinct from p.fence
             and (p.late_charge_ref is not distinct from ${ref}::text
                  or exists (select from own where kind = 'late_charge' and reference = ${ref}::text)) as must_look_up,
           exists (select from known where reference = ${ref}::text) as is_known,
           exists (select from known where reference is not null) as knows_any,
           exists (select from own where reference = ${ref}::text and refund_ref is not null) as is_refunded,
           exists (select from own where reference = ${ref}::text
                      and (amount <> p.amount::text or currency <> p.currency)) as is_mismatch,
           exists (select from payments other
                    where other.gateway = p.gateway and other.gateway_ref = ${ref}::text and other.status = 'SUCCESS'
                      and other.id <> p.id)
             or exists (select from reconciliation_breaks b
                         where b.kind = any(array['late_charge', 'duplicate_charge', 'amount_mismatch', 'currency_mismatch',
                                                  'status_mismatch', 'missing_here'])
                           and b.gateway = p.gateway and b.reference = ${ref}::text and b.payment_id <> p.id) as is_taken
      from payments p
     where p.id = ${id}::text and p.status = 'PROCESSING' and p.needs_review
       and (p.lease_until is null or p.lease_until < clock_timestamp())`
  return facts
}

/** Whether the same operator made this very decision of the payment before. */
async function isRepeated(sql: Queryable, id: string, decision: OperatorDecision): Promise<boolean> {
  const { to, gatewayRef = null } = decision
  const rows = await sql`
    select from payment_events
     where payment_id = ${id}::text and actor = ${`operator:${evidenceText(decision.operator)}`}::text
       and type = ${EVENT_OF[to]}::text and evidence ->> 'note' = ${evidenceText(decision.note)}::text
       and evidence ->> 'gateway_ref' is not distinct from ${gatewayRef}::text`
  return rows.length > 0
}

const EVENT_OF = { SUCCESS: 'payment.succeeded', FAILED: 'payment.failed', RETRY: 'payment.unknown' } as const

async function writeDecision(sql: Queryable, id: string, decision: OperatorDecision): Promise<boolean> {
  const { to, gatewayRef = null } = decision
  const rows = await sql`
    with target as (
      select id, attempt_open, late_charge_ref from payments
       where id = ${id}::text and status = 'PROCESSING' and needs_review
         and (lease_until is null or lease_until < clock_timestamp())
         -- Money moved already, or there is nothing to ask about: asking again could charge.
         and (${to}::text <> 'RETRY' or attempt_open and late_charge_ref is null)
         -- "No money moved" is not true while a charge of it is on record that was not refunded.
         and (${to}::text = 'SUCCESS' or open_charges = 0)
         for update
    ), moved as (
      update payments p
         set status        = case when ${to}::text = 'RETRY' then 'PROCESSING' else ${to}::text end,
             fence         = p.fence + 1,
             needs_review  = false,
             resolves      = 0,
             -- Otherwise an attempt that workers died on would be parked again unasked. That they may have sent is still told by sends.
             takeovers     = case when ${to}::text = 'RETRY' then 0 else p.takeovers end,
             attempt_open  = ${to}::text = 'RETRY',
             unknown_since = case when ${to}::text = 'RETRY' then p.unknown_since end,
             next_run_at   = clock_timestamp(),
             gateway_ref   = case ${to}::text when 'SUCCESS' then ${gatewayRef}::text when 'RETRY' then p.gateway_ref end,
             failure_code  = case when ${to}::text = 'FAILED' then 'operator' end,
             failure_kind  = case when ${to}::text = 'FAILED' then 'operator' end,
             event_seq     = p.event_seq + 1,
             updated_at    = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.attempt_no, p.event_seq, p.status, target.attempt_open as was_open,
             ${to}::text = 'SUCCESS' and (
               target.late_charge_ref is not distinct from ${gatewayRef}::text
               or exists (select from reconciliation_breaks b
                           where b.payment_id = p.id and b.kind = 'late_charge' and b.reference = ${gatewayRef}::text)
             ) as is_late
    ), attempt as (
      update payment_attempts a
         -- A late charge belongs to an attempt before, so the open one moved nothing.
         set outcome     = case when ${to}::text = 'SUCCESS' and not moved.is_late then 'SUCCEEDED'
                                when ${to}::text <> 'RETRY' then 'DECLINED' end,
             decided_at  = case when ${to}::text <> 'RETRY' then clock_timestamp() end,
             gateway_ref = case when moved.is_late then a.gateway_ref else coalesce(${gatewayRef}::text, a.gateway_ref) end
        from moved
       where a.payment_id = moved.id and a.attempt_no = moved.attempt_no and moved.was_open
    ), accepted as (
      update reconciliation_breaks b
         set resolved_at = clock_timestamp(), resolution = ${evidenceText(decision.note)}::text,
             resolved_by = ${`operator:${evidenceText(decision.operator)}`}::text
        from moved
       where ${to}::text = 'SUCCESS' and b.payment_id = moved.id
         and b.reference = ${gatewayRef}::text and b.resolved_at is null
    ), event as (
      insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
      select id, event_seq,
             ${EVENT_OF[to]}::text, 'PROCESSING', status, ${`operator:${evidenceText(decision.operator)}`}::text,
             jsonb_build_object('note', ${evidenceText(decision.note)}::text, 'gateway_ref', ${gatewayRef}::text)
        from moved
    )
    select id from moved`
  return rows.length === 1
}

/** A fact at a gateway that contradicts the payments table. */
export interface Break {
  readonly kind: BreakKind
  readonly paymentId: string
  readonly gateway: string
  /** The gateway's id of the charge, or our key where it gave none. */
  readonly reference: string
  readonly detail: Readonly<Record<string, string | number | null>>
}

/**
 * Records a charge that contradicts its payment. A charge is recorded once for a payment, whatever became of either
 * since, so copies of a report have the effect of one; a final status is never changed for it. A late charge also parks
 * a payment that is under way: no attempt begins after it, and a worker that holds the payment can only end it as
 * charged or leave it parked.
 */
export async function recordBreak(sql: Database, contradiction: Break): Promise<void> {
  await sql.begin(async (transaction) => {
    await lockPayment(transaction, contradiction.paymentId)
    await writeBreak(transaction, contradiction)
  })
}

async function writeBreak(
  sql: Queryable,
  { kind, paymentId, gateway, reference, detail }: Break,
): Promise<void> {
  await sql`
    with contradiction as (
      insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
      select ${kind}::text, ${paymentId}::text, ${gateway}::text, ${reference}::text, ${JSON.stringify(detail)}::text::jsonb
       where not exists (
               select from reconciliation_breaks b
                where b.payment_id = ${paymentId}::text and b.gateway = ${gateway}::text and b.reference = ${reference}::text)
          on conflict (kind, gateway, reference) do nothing
   returning payment_id
    ), target as (
      select id, status from payments
       where id in (select payment_id from contradiction) and ${kind}::text = 'late_charge'
         and status in ('PENDING', 'QUEUED', 'PROCESSING') and (late_charge_ref is null or not needs_review)
    ), parked as (
      update payments p
         set status          = 'PROCESSING',
             -- A worker that holds it keeps its fence: its request may be under way, and its answer is evidence.
             fence           = p.fence + (target.status <> 'PROCESSING')::int,
             late_charge_ref = coalesce(p.late_charge_ref, ${reference}::text),
             needs_review    = true,
             unknown_since   = coalesce(p.unknown_since, clock_timestamp()),
             event_seq       = p.event_seq + 1,
             updated_at      = clock_timestamp()
        from target
       where p.id = target.id
   returning p.id, p.event_seq, target.status as from_status
    )
    insert into payment_events (payment_id, seq, type, from_status, to_status, actor, evidence)
    select id, event_seq, 'payment.needs_review', from_status, 'PROCESSING', ${`gateway:${gateway}`}::text,
           jsonb_build_object('reason', 'a charge of a closed attempt came to light', 'gateway_ref', ${reference}::text)
      from parked`
}
