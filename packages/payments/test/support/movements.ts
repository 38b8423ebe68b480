import type {
  Database,
  Movement,
  NewMovement,
  Payment,
  PaymentStatus,
  PaymentStore,
  Settlement,
} from '../../src/index.ts'
import { claimOf } from './claims.ts'
import { newKey, paymentIn } from './payments.ts'
import { settlementOf } from './settlements.ts'

/** Asks for a movement under a key of its own; throws when it is refused. */
export async function createMovement(
  store: PaymentStore,
  asked: Omit<NewMovement, 'idempotencyKey'> & { readonly idempotencyKey?: string },
): Promise<Movement> {
  const answer = await store.createMovement({ idempotencyKey: newKey(), ...asked })
  if (answer.kind !== 'created') throw new Error(`not created: ${JSON.stringify(answer)}`)
  return answer.movement
}

/** Moves a movement by hand as a worker would: claims it, and ends it. */
export async function endMovement(
  sql: Database,
  id: string,
  status: Extract<PaymentStatus, 'SUCCESS' | 'FAILED'>,
  gatewayRef = `ref_at_gateway_${id}`,
): Promise<void> {
  await claimByHand(sql, id)
  await sql`
    update payments set status = ${status}, attempt_open = false, event_seq = event_seq + 1, lease_owner = null, lease_until = null,
           gateway_ref = ${status === 'SUCCESS' ? gatewayRef : null},
           failure_code = ${status === 'FAILED' ? 'refund_refused' : null},
           failure_kind = ${status === 'FAILED' ? 'hard_decline' : null}
     where id = ${id}`
}

export async function claimByHand(sql: Database, id: string): Promise<void> {
  await sql`
    update payments set status = 'PROCESSING', fence = fence + 1, claimed_fence = fence + 1, event_seq = event_seq + 1,
           attempt_no = 1, attempt_open = true, gateway = 'simulated', lease_owner = 'w1',
           lease_until = clock_timestamp() + interval '1 minute'
     where id = ${id}`
}

/** A payment whose charge is authorized and waits for its capture. */
export async function authorizedPayment(store: PaymentStore, sql: Database): Promise<Payment> {
  const payment = await paymentIn(store, sql, 'PROCESSING')
  await sql`
    update payments set waits_for = 'capture', waits_until = clock_timestamp() + interval '7 days', gateway_ref = ${`ch_${payment.id}`},
           lease_owner = null, lease_until = null
     where id = ${payment.id}`
  return payment
}

/** The sums that a payment keeps of its movements. */
export async function sumsOf(sql: Database, id: string) {
  const [row] = await sql<
    {
      readonly amount_captured: number | null
      readonly refunds_reserved: number | null
      readonly amount_refunded: number | null
    }[]
  >`select amount_captured, refunds_reserved, amount_refunded from payments where id = ${id}`
  if (row === undefined) throw new Error(`${id} is gone`)
  return { captured: row.amount_captured, reserved: row.refunds_reserved, refunded: row.amount_refunded }
}

/** The result that a worker writes for a refund which {@link claimByHand} claimed. */
export function refundedBy(paymentId: string, amount: number): Settlement {
  const claim = claimOf({ paymentId, amount })
  return settlementOf(claim, { type: 'SUCCEEDED', gatewayRef: `re_${paymentId}`, amount, currency: 'USD' })
}
