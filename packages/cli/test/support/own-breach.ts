import type { World } from './world.ts'

/** A breach that our own books show, without Redis and without the gateway's ledger. */
export interface OwnBreach {
  readonly name: string
  /** The invariants that must find it, by number: no other one may. */
  readonly breaks: readonly string[]
  /** Statements that plant it while no trigger fires. */
  readonly plant: (ids: World['ids']) => string
  /** What is named. @default the payment `paid` */
  readonly offender?: (ids: World['ids']) => string
}

/** A contradiction on record; what triggers keep of it elsewhere is kept. */
export function contradiction(
  kind: string,
  id: string,
  reference: string,
  more: { readonly detail?: string; readonly refundRef?: string; readonly at?: string } = {},
): string {
  const { detail = '{}', refundRef, at = 'clock_timestamp()' } = more
  const refund = refundRef === undefined ? 'null, null' : `'${refundRef}', clock_timestamp()`
  return `
    set local session_replication_role = origin;
    insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail, detected_at, refund_ref, resolved_at)
    values ('${kind}', '${id}', 'stripe', '${reference}', '${detail}', ${at}, ${refund});
    set local session_replication_role = replica;`
}

/** Appends an event to the history of a payment. */
export function event(id: string, type: string, status: string, actor: string, evidence: string): string {
  return `
    update payments set event_seq = event_seq + 1 where id = '${id}';
    insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
    select id, event_seq, '${type}', (select to_status from payment_history e where e.payment_id = p.id order by seq desc limit 1),
           '${status}', '${actor}', '${evidence}'::jsonb
      from payments p where id = '${id}';`
}

/** The decision of an operator about the parked payment. */
export function decided(id: string, to: 'SUCCESS' | 'FAILED', charge: string): string {
  const failure = to === 'FAILED' ? `'operator'` : 'null'
  const outcome = to === 'FAILED' ? 'DECLINED' : 'SUCCEEDED'
  const reference = to === 'FAILED' ? 'null' : `'${charge}'`
  return `
    update payments
       set status = '${to}', fence = fence + 1, needs_review = false, attempt_open = false, unknown_since = null,
           gateway_ref = ${reference}, failure_code = ${failure}, failure_kind = ${failure}
     where id = '${id}';
    update payment_attempts set outcome = '${outcome}', decided_at = clock_timestamp(), gateway_ref = ${reference}
     where payment_id = '${id}';
    ${event(id, to === 'FAILED' ? 'payment.failed' : 'payment.succeeded', to, 'operator:ann', '{"note":"I am sure"}')}`
}

/** A payment that is parked for a charge of another amount. */
export function mischarged(id: string): string {
  return `
    ${event(id, 'payment.needs_review', 'PROCESSING', 'w1', '{"gateway_ref":"pi_known","charged_amount":499,"charged_currency":"USD"}')}
    ${contradiction('amount_mismatch', id, 'pi_known', { detail: '{"charged_amount":499,"charged_currency":"USD"}' })}`
}
