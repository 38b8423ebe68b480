import type { NextAction } from '@titan/payments'
import type { TestApi } from './api.ts'

let count = 0

/** Claims a payment or movement as a worker does, without one. */
async function claimByHand({ sql }: TestApi, id: string): Promise<void> {
  await sql`
    update payments set status = 'PROCESSING', fence = fence + 1, claimed_fence = fence + 1,
           account_fence = case when account is not null then fence + 1 end,
           event_seq = event_seq + 1, attempt_no = 1, attempt_open = true, gateway = 'simulated', lease_owner = 'w1',
           lease_until = clock_timestamp() + interval '1 minute'
     where id = ${id}`
}

/** Ends a payment or movement as a worker does. */
export async function finish(api: TestApi, id: string, status: 'SUCCESS' | 'FAILED'): Promise<void> {
  await claimByHand(api, id)
  await api.sql`
    update payments set status = ${status}, attempt_open = false, event_seq = event_seq + 1, lease_owner = null, lease_until = null,
           gateway_ref = ${status === 'SUCCESS' ? `at_gateway_${id}` : null},
           failure_code = ${status === 'FAILED' ? 'refund_refused' : null},
           failure_kind = ${status === 'FAILED' ? 'hard_decline' : null}
     where id = ${id}`
}

/** Stores a payment. */
export async function pay(api: TestApi, token = 'none'): Promise<string> {
  const body = { amount: 500, idempotency_key: `for-movements-${++count}` }
  const response = await api.pay(body, { authorization: `Bearer ${token}` })
  const { payment_id: id } = (await response.json()) as { readonly payment_id: string }
  return id
}

/** Stores a payment that is SUCCESS. */
export async function paid(api: TestApi, token?: string): Promise<string> {
  const id = await pay(api, token)
  await finish(api, id, 'SUCCESS')
  return id
}

/** Stores a payment that is authorized and waits for its capture. */
export async function authorized(api: TestApi, token?: string): Promise<string> {
  const id = await pay(api, token)
  await claimByHand(api, id)
  await api.sql`
    update payments set waits_for = 'capture', waits_until = clock_timestamp() + interval '7 days',
           gateway_ref = ${`at_gateway_${id}`}, lease_owner = null, lease_until = null
     where id = ${id}`
  // What a client asks for is frozen.
  await api.sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`update payments set manual_capture = true where id = ${id}`
  })
  return id
}

/** Stores a payment whose customer has to act. */
export async function waiting(api: TestApi, nextAction: NextAction, token: string): Promise<string> {
  const id = await pay(api, token)
  await claimByHand(api, id)
  await api.sql`
    update payments set waits_for = 'customer', waits_until = clock_timestamp() + interval '1 hour', has_details = true,
           gateway_ref = ${`at_gateway_${id}`}, lease_owner = null, lease_until = null
     where id = ${id}`
  await api.sql`
    insert into payment_details (payment_id, next_action) values (${id}, ${JSON.stringify(nextAction)}::text::jsonb)`
  return id
}
