import { randomBytes } from 'node:crypto'
import type { ChargeRequest, Database } from '../../src/index.ts'
import { newKey } from './payments.ts'

/** Stores a payment of 500 USD that says more than its amount; resolves with its id. */
export async function askedPayment(
  sql: Database,
  { capture, customerPresent, paymentMethod }: Partial<ChargeRequest>,
): Promise<string> {
  const id = `pay_${randomBytes(16).toString('hex')}`
  await sql`
    insert into payments (id, amount, status, idempotency_key, event_seq, created_by, manual_capture, customer_present, has_details)
    values (${id}, 500, 'PENDING', ${newKey()}, 1, 'api', ${capture === 'manual'}, ${customerPresent === true}, ${paymentMethod !== undefined})`
  if (paymentMethod !== undefined)
    await sql`insert into payment_details (payment_id, payment_method) values (${id}, to_jsonb(${paymentMethod}::text))`
  return id
}

/** Asks the customer a question, where the customer is present. */
export const ASKING = { customerPresent: true, paymentMethod: 'pm_card_threeDSecure2Required' } as const

/** Lets the wait of a payment end now, as the passing of time would. */
export async function endWait(sql: Database, id: string): Promise<void> {
  await sql`
    update payments set waits_until = clock_timestamp() - interval '1 millisecond', next_run_at = clock_timestamp()
     where id = ${id} and waits_for is not null`
}
