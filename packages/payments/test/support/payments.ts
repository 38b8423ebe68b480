import type { Claim, ClaimOptions, Database, Payment, PaymentStatus, PaymentStore } from '../../src/index.ts'

let count = 0

/** A key that no other test uses. */
export function newKey(): string {
  return `key-${process.pid}-${++count}`
}

/** Stores a payment that nobody else knows. */
export async function createPayment(store: PaymentStore, amount = 500): Promise<Payment> {
  const answer = await store.create({ amount, idempotencyKey: newKey() })
  if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
  return answer.payment
}

/** A claim for ten seconds by `w1`, unless said otherwise. */
export async function claim(
  store: PaymentStore,
  id: string,
  options: Partial<ClaimOptions> = {},
): Promise<Claim> {
  const answer = await store.claim(id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated', ...options })
  if (answer.kind !== 'claimed') throw new Error(`not claimed: ${answer.reason}`)
  return answer.claim
}

/** The current row; throws when there is none. */
export async function read(store: PaymentStore, id: string): Promise<Payment> {
  const payment = await store.get(id)
  if (payment === undefined) throw new Error(`${id} is gone`)
  return payment
}

/** Ends the lease of a payment now, as the passing of time would. */
export async function expireLease(sql: Database, id: string): Promise<void> {
  await sql`
    update payments set lease_until = clock_timestamp() - interval '1 millisecond' where id = ${id} and lease_until is not null`
}

/** Makes the next step of a payment due now, as the passing of time would. */
export async function makeDue(sql: Database, id: string, agoMs = 1): Promise<void> {
  await sql`update payments set next_run_at = clock_timestamp() - ${agoMs}::float8 * interval '1 millisecond' where id = ${id} and status not in ('SUCCESS', 'FAILED')`
}

/** A new payment, moved along a legal path to a status. */
export async function paymentIn(store: PaymentStore, sql: Database, status: PaymentStatus): Promise<Payment> {
  const { id } = await createPayment(store)
  if (status === 'QUEUED') await store.markQueued([id], 'relay')
  if (status === 'PROCESSING') await claim(store, id)
  if (status === 'SUCCESS' || status === 'FAILED') {
    await claim(store, id)
    await sql`
      update payments set status = ${status}, attempt_open = false, event_seq = event_seq + 1,
             gateway_ref = ${status === 'SUCCESS' ? `ch_${id}` : null},
             failure_code = ${status === 'FAILED' ? 'stolen_card' : null},
             failure_kind = ${status === 'FAILED' ? 'hard_decline' : null}
       where id = ${id}`
  }
  return read(store, id)
}
