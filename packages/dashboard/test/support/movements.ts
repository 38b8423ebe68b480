import type { Payment } from '@titan/payments'
import type { Rig } from './rig.ts'
import { accept } from './traffic.ts'

async function claimByHand({ sql }: Rig, id: string): Promise<void> {
  await sql`
    update payments set status = 'PROCESSING', fence = fence + 1, claimed_fence = case when parent_id is not null or has_details then fence + 1 end,
           event_seq = event_seq + 1, attempt_no = 1, attempt_open = true, gateway = 'simulated', lease_owner = 'w1',
           lease_until = clock_timestamp() + interval '1 minute'
     where id = ${id}`
}

/** Ends a payment or movement as a worker does. */
export async function finish(rig: Rig, id: string, status: 'SUCCESS' | 'FAILED'): Promise<void> {
  await claimByHand(rig, id)
  await rig.sql`
    update payments set status = ${status}, attempt_open = false, event_seq = event_seq + 1, lease_owner = null, lease_until = null,
           gateway_ref = ${status === 'SUCCESS' ? `at_gateway_${id}` : null},
           failure_code = ${status === 'FAILED' ? 'refund_refused' : null},
           failure_kind = ${status === 'FAILED' ? 'hard_decline' : null}
     where id = ${id}`
}

/** Stores a payment that is SUCCESS. */
export async function succeed(rig: Rig, key: string, amount: number): Promise<Payment> {
  const payment = await accept(rig, key, amount)
  await finish(rig, payment.id, 'SUCCESS')
  return payment
}

/** Stores a payment of 5.00 USD that is authorized and waits for its capture. */
export async function authorize(rig: Rig, key: string): Promise<Payment> {
  const payment = await accept(rig, key)
  await claimByHand(rig, payment.id)
  await rig.sql`
    update payments set waits_for = 'capture', waits_until = clock_timestamp() + interval '7 days',
           gateway_ref = ${`at_gateway_${payment.id}`}, lease_owner = null, lease_until = null
     where id = ${payment.id}`
  return payment
}

/** Parks a movement for an operator. */
export async function park(rig: Rig, id: string): Promise<void> {
  await claimByHand(rig, id)
  await rig.sql`
    update payments set needs_review = true, unknown_since = clock_timestamp(), lease_owner = null, lease_until = null
     where id = ${id}`
}
