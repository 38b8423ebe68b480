import {
  createPaymentHandler,
  createRelay,
  createSimulatedGateway,
  PAYMENTS_QUEUE,
  type Payment,
  type PaymentJobs,
  type SimulatedBehaviour,
} from '@titan/payments'
import { createWorker, UnrecoverableError } from '@titan/queue-core'
import { eventually } from '@titan/testkit'
import type { Rig } from './rig.ts'

/** Stores a payment as the API does. */
export async function accept(rig: Rig, idempotencyKey: string, amount = 500): Promise<Payment> {
  const answer = await rig.store.create({ amount, currency: 'USD', idempotencyKey })
  if (!('payment' in answer)) throw new Error('The key is in use')
  return answer.payment
}

/** A payment that waits for a decision, with its whole history. */
export async function park(rig: Rig, idempotencyKey: string, amount = 500): Promise<Payment> {
  const payment = await accept(rig, idempotencyKey, amount)
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'unknown_before_charge' })
  const pay = createPaymentHandler({
    store: rig.store,
    gateway,
    worker: 'worker-1',
    policy: { maxResolves: 0, unknownDelaysMs: [0] },
  })
  await eventually(async () => {
    await pay({ id: payment.id, data: { payment_id: payment.id } }, { signal: new AbortController().signal })
      // An outcome that is unknown asks for its job again.
      .catch(() => undefined)
    return (await rig.store.get(payment.id))?.needsReview === true
  })
  return payment
}

/** A payment of 5.00 USD that is parked because the gateway charged 5.01. */
export async function mischarge(
  rig: Rig,
  idempotencyKey: string,
): Promise<{ readonly id: string; readonly charge: string }> {
  const { id } = await accept(rig, idempotencyKey)
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => 'wrong_amount' })
  const pay = createPaymentHandler({ store: rig.store, gateway, worker: 'worker-1' })
  await pay({ id, data: { payment_id: id } }, { signal: new AbortController().signal }).catch(() => undefined)
  const [contradiction] = await rig.store.breaks(id)
  return { id, charge: contradiction?.reference ?? '' }
}

/** Gives up a job, as a worker would that meets one it can do nothing with. */
export async function bury(
  rig: Rig,
  letters: readonly { readonly paymentId: string; readonly error: string; readonly jobId?: string }[],
): Promise<void> {
  const errors = new Map(letters.map(({ paymentId, error }) => [paymentId, error]))
  const before = (await rig.queue.stats()).dead
  await rig.queue.enqueueMany(
    letters.map(({ paymentId, jobId = `${paymentId}.dead` }) => ({
      name: 'pay',
      data: { payment_id: paymentId },
      id: jobId,
    })),
  )
  const worker = createWorker<PaymentJobs>(
    rig.redis,
    PAYMENTS_QUEUE,
    {
      pay: async ({ data }) => {
        throw new UnrecoverableError(errors.get(data.payment_id) ?? 'the job names no payment')
      },
    },
    { prefix: rig.prefix, group: 'workers', consumer: 'worker-1' },
  )
  await worker.start()
  await eventually(async () => (await rig.queue.stats()).dead === before + letters.length)
  await worker.stop()
}

/** Workers that take payments through a gateway of many moods, until they are stopped. */
export async function startTraffic(
  rig: Rig,
  { delayMs = 60, concurrency = 6 }: { readonly delayMs?: number; readonly concurrency?: number } = {},
): Promise<{ stop(): Promise<void> }> {
  const gateway = createSimulatedGateway({ delayMs, script: ({ paymentId }) => moodOf(paymentId) })
  const relay = createRelay({ store: rig.store, queue: rig.queue, intervalMs: 200 })
  const workers = ['worker-1', 'worker-2'].map((consumer) => {
    const pay = createPaymentHandler({
      store: rig.store,
      gateway,
      worker: consumer,
      policy: { retryBaseMs: 300, maxRetries: 2, unknownDelaysMs: [200], maxResolves: 1 },
    })
    return createWorker<PaymentJobs>(
      rig.redis,
      PAYMENTS_QUEUE,
      { pay },
      { prefix: rig.prefix, group: 'workers', consumer, concurrency },
    )
  })
  for (const worker of workers) await worker.start()
  relay.start()
  return {
    stop: async () => {
      await relay.stop()
      await Promise.all(workers.map((worker) => worker.stop()))
    },
  }
}

/** What the gateway does with a payment: most go through. The same for every send of it. */
function moodOf(paymentId: string): SimulatedBehaviour {
  const draw = Number.parseInt(paymentId.slice(-4), 16) % 100
  if (draw < 92) return 'succeed'
  if (draw < 95) return 'hard_decline'
  if (draw < 97) return 'soft_decline'
  return draw < 99 ? 'transient' : 'unknown_before_charge'
}
