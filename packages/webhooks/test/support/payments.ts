import {
  createPaymentHandler,
  createSimulatedGateway,
  type Payment,
  type PaymentStore,
} from '@titan/payments'

let count = 0

/** Stores a payment that nobody else knows. */
export async function createPayment(store: PaymentStore, amount = 500): Promise<Payment> {
  const answer = await store.create({ amount, idempotencyKey: `key-${process.pid}-${++count}` })
  if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
  return answer.payment
}

/** Takes a payment through a gateway that says yes. */
export async function succeed(store: PaymentStore, { id }: Payment): Promise<void> {
  const gateway = createSimulatedGateway({ delayMs: 0, successRate: 1 })
  const pay = createPaymentHandler({ store, gateway })
  await pay({ id, data: { payment_id: id } }, { signal: new AbortController().signal })
}

/** A new payment that has succeeded. */
export async function paidPayment(store: PaymentStore, amount?: number): Promise<Payment> {
  const payment = await createPayment(store, amount)
  await succeed(store, payment)
  return payment
}
