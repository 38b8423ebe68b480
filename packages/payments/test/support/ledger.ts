import {
  fold,
  gatewayKeyOf,
  type Database,
  type PaymentStore,
  type SimulatedCharge,
} from '../../src/index.ts'

/** What is wrong between the payments and the gateway's ledger; empty when every rule about money and history holds. */
export async function findBreaches(
  sql: Database,
  store: PaymentStore,
  ledger: readonly SimulatedCharge[],
): Promise<string[]> {
  const breaches: string[] = []
  const payments = await sql<
    { id: string; status: string; amount: number; currency: string; gateway_ref: string | null }[]
  >`
    select id, status, amount, currency, gateway_ref from payments
     where id not in (select payment_id from reconciliation_breaks)`
  const charges = Map.groupBy(ledger, ({ paymentId }) => paymentId)
  for (const { id, status, amount, currency, gateway_ref: gatewayRef } of payments) {
    const own = charges.get(id) ?? []
    const [charge] = own
    if (own.length > 1) breaches.push(`${id} was charged ${own.length} times`)
    if (status === 'FAILED' && charge !== undefined) breaches.push(`${id} is FAILED and was charged`)
    if (status === 'SUCCESS') {
      const isExact = charge?.amount === amount && charge.currency === currency && charge.id === gatewayRef
      if (!isExact) breaches.push(`${id} is SUCCESS, the ledger says ${JSON.stringify(charge)}`)
    }
    const history = fold(await store.events(id))
    if (!history.ok || history.status !== status)
      breaches.push(`${id} is ${status}, its events say ${JSON.stringify(history)}`)
    breaches.push(...(await findAttemptBreaches(store, id)))
  }
  const evidence = await sql<{ payment_id: string }[]>`
    select payment_id from payment_events
     where to_status = 'FAILED' and (evidence is null or not (evidence ?| array['code', 'reason', 'note']))`
  for (const { payment_id: id } of evidence) breaches.push(`${id} is FAILED without evidence`)
  return breaches
}

async function findAttemptBreaches(store: PaymentStore, id: string): Promise<string[]> {
  const breaches: string[] = []
  const attempts = await store.attempts(id)
  for (const [index, { attemptNo, gatewayKey, createdAt }] of attempts.entries()) {
    if (attemptNo !== index + 1) breaches.push(`${id} has an attempt ${attemptNo} in place ${index + 1}`)
    if (gatewayKey !== gatewayKeyOf(id, attemptNo)) breaches.push(`${id} has a key ${gatewayKey}`)
    const before = attempts[index - 1]
    if (before === undefined) continue
    if (before.outcome !== 'DECLINED' || before.decidedAt === null || before.decidedAt > createdAt)
      breaches.push(`${id} went on to attempt ${attemptNo} without a decline before`)
  }
  return breaches
}
