import {
  gatewayKeyOf,
  type Database,
  type Payment,
  type PaymentAttempt,
  type PaymentEvent,
  type PaymentStore,
  type SimulatedCharge,
} from '../../src/index.ts'
import { fold } from './history.ts'

/** What is wrong between the payments, or one of them, and the gateway's ledger; empty when every rule about money and history holds. */
export async function findBreaches(
  sql: Database,
  store: PaymentStore,
  ledger: readonly SimulatedCharge[],
  paymentId?: string,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from payments
     where id not in (select payment_id from reconciliation_breaks)
       and (id = ${paymentId ?? null}::text or ${paymentId === undefined})`
  const charges = Map.groupBy(ledger, ({ paymentId }) => paymentId)
  const breaches: string[] = []
  for (const { id } of rows) {
    const payment = await store.get(id)
    if (payment === undefined) continue
    breaches.push(...findMoneyBreaches(payment, charges.get(id) ?? []))
    breaches.push(...findHistoryBreaches(payment, await store.events(id)))
    breaches.push(...findAttemptBreaches(id, await store.attempts(id)))
  }
  return breaches
}

function findMoneyBreaches(
  { id, status, amount, currency, gatewayRef }: Payment,
  charges: readonly SimulatedCharge[],
): string[] {
  const [charge] = charges
  const isExact = charge?.amount === amount && charge.currency === currency && charge.id === gatewayRef
  return [
    ...(charges.length > 1 ? [`${id} was charged ${charges.length} times`] : []),
    ...(status === 'FAILED' && charge !== undefined ? [`${id} is FAILED and was charged`] : []),
    ...(status === 'SUCCESS' && !isExact
      ? [`${id} is SUCCESS, the ledger says ${JSON.stringify(charge)}`]
      : []),
  ]
}

function findHistoryBreaches({ id, status }: Payment, events: readonly PaymentEvent[]): string[] {
  const history = fold(events)
  const hasEvidence = (event: PaymentEvent): boolean =>
    ['code', 'reason', 'note'].some((key) => event.evidence?.[key] !== undefined)
  return [
    ...(history.ok && history.status === status
      ? []
      : [`${id} is ${status}, its events say ${JSON.stringify(history)}`]),
    ...(events.every((event) => event.toStatus !== 'FAILED' || hasEvidence(event))
      ? []
      : [`${id} is FAILED without evidence`]),
  ]
}

function findAttemptBreaches(id: string, attempts: readonly PaymentAttempt[]): string[] {
  return attempts.flatMap(({ attemptNo, gatewayKey, createdAt }, index) => {
    const before = attempts[index - 1]
    const isBurned =
      before?.outcome === 'DECLINED' && before.decidedAt !== null && before.decidedAt <= createdAt
    return [
      ...(attemptNo === index + 1 ? [] : [`${id} has attempt ${attemptNo} in place ${index + 1}`]),
      ...(gatewayKey === gatewayKeyOf(id, attemptNo) ? [] : [`${id} has a key ${gatewayKey}`]),
      ...(before === undefined || isBurned
        ? []
        : [`${id} went on to attempt ${attemptNo} without a decline before`]),
    ]
  })
}
