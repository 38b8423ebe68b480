import {
  createPaymentStore,
  jobIdOf,
  PAYMENTS_QUEUE,
  type Database,
  type Payment,
  type PaymentJobs,
} from '@titan/payments'
import {
  createInspector,
  createQueue,
  searchDeadLetters,
  type DeadLetter,
  type JobView,
  type RedisClient,
} from '@titan/queue-core'
import type { Place } from '../commands/queue.ts'

/** A webhook delivery of one event of a payment. */
interface DeliveryRecord {
  readonly id: string
  readonly eventId: string
  readonly type: string
  readonly endpointId: string
  readonly status: 'PENDING' | 'DELIVERED' | 'FAILED'
  readonly attempts: number
  readonly nextAttemptAt: Date | null
  readonly lastCode: number | null
  readonly lastError: string | null
  readonly updatedAt: Date
}

/** The job of a payment: live, dead, remembered as done, or not there. */
export type JobRecord =
  | { readonly id: string; readonly state: 'live'; readonly job: JobView }
  | { readonly id: string; readonly state: 'dead'; readonly letter: DeadLetter }
  | { readonly id: string; readonly state: 'done' | 'none' }

/** Everything that is known of a payment. */
export type PaymentRecord = NonNullable<Awaited<ReturnType<typeof readPaymentRecord>>>

/** Dead letters that are searched for a job, oldest first. */
const DEAD_LETTERS_SCANNED = 10_000

/** Leaves out the secret with which a browser finishes the payment: output is kept in logs and tickets. */
export function withoutSecret(payment: Payment) {
  const { details } = payment
  if (details?.nextAction?.type !== 'sdk') return payment
  return { ...payment, details: { ...details, nextAction: { type: 'sdk' } } }
}

/** Collects what is known of a payment; undefined when there is none of this id. */
export async function readPaymentRecord(sql: Database, redis: RedisClient, place: Place, id: string) {
  const store = createPaymentStore(sql)
  const payment = await store.get(id)
  if (payment === undefined) return undefined
  const [movements, attempts, events, deliveries, breaks, disputes] = await Promise.all([
    store.movements(id),
    store.attempts(id),
    store.events(id),
    readDeliveries(sql, id),
    store.breaks(id),
    payment.disputeStatus == null ? [] : store.disputes(id),
  ])
  return {
    payment,
    movements,
    attempts,
    events,
    deliveries,
    breaks,
    disputes,
    job: await findJob(sql, redis, place, id),
  }
}

async function readDeliveries(sql: Database, paymentId: string): Promise<DeliveryRecord[]> {
  return sql<DeliveryRecord[]>`
    select 'dlv_' || d.id as "id", d.event_id as "eventId", e.type, d.endpoint_id as "endpointId", d.status, d.attempts,
           d.next_attempt_at as "nextAttemptAt", d.last_code as "lastCode", d.last_error as "lastError",
           d.updated_at as "updatedAt"
      from webhook_events e join webhook_deliveries d on d.event_id = e.id
     where e.payment_id = ${paymentId}::text
     order by d.id`
}

async function findJob(
  sql: Database,
  redis: RedisClient,
  place: Place,
  paymentId: string,
): Promise<JobRecord> {
  const [row] = await sql<{ scheduleNo: number }[]>`
    select schedule_no as "scheduleNo" from payments where id = ${paymentId}::text`
  const id = jobIdOf(paymentId, row?.scheduleNo ?? 0)
  const job = await createInspector(redis, PAYMENTS_QUEUE, place).find(id)
  if (job !== undefined && job !== 'done') return { id, state: 'live', job }
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, place)
  const limits = { limit: 1, scanLimit: DEAD_LETTERS_SCANNED }
  const { deadLetters } = await searchDeadLetters(queue, (letter) => letter.id === id, limits)
  const [letter] = deadLetters
  if (letter !== undefined) return { id, state: 'dead', letter }
  return { id, state: job ?? 'none' }
}
