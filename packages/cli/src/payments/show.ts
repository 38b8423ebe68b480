import {
  PAYMENTS_QUEUE,
  requirePartitions,
  storeSettings,
  type Dispute,
  type Movement,
  type Payment,
} from '@titan/payments'
import { command } from '../command.ts'
import {
  formatData,
  formatDuration,
  formatFacts,
  formatSections,
  formatTable,
  formatTimestamp,
} from '../output.ts'
import { paymentSetting } from './acts.ts'
import { readPaymentRecord, withoutSecret, type JobRecord, type PaymentRecord } from './record.ts'
import { accountFact } from '../commands/accounts.ts'
import { placeOf, toJson } from '../commands/queue.ts'
import { formatAttempts, formatEvents } from './history.ts'

/** `titan payments show`. */
export const paymentsShow = command({
  name: 'titan payments show',
  description: 'Show everything known about a payment. Code 1 if it does not exist.',
  settings: { id: paymentSetting },
  groups: { config: storeSettings },
  async run({ id }, { config, database, redis, print, complain }) {
    const sql = await database()
    await requirePartitions(sql, PAYMENTS_QUEUE, config.partitions)
    const record = await readPaymentRecord(sql, (await redis()).client, placeOf(PAYMENTS_QUEUE, config), id)
    if (record === undefined) {
      complain(`no such payment: ${id}`)
      return false
    }
    const { job } = record
    const shown = job.state === 'live' ? { ...job, job: toJson(job.job) } : job
    print({ ...record, payment: withoutSecret(record.payment), job: shown }, () => formatRecord(record))
    return true
  },
})

function formatRecord({
  payment,
  movements,
  attempts,
  events,
  deliveries,
  breaks,
  disputes,
  job,
}: PaymentRecord): string {
  const { status, amount, currency, gateway, gatewayRef, failureKind, failureCode } = payment
  const contradictions = breaks.map((one) => ({
    kind: one.kind,
    gateway: one.gateway,
    reference: one.reference,
    booked: `${amount} ${currency}`,
    charged: one.amount === null ? null : `${one.amount} ${one.currency ?? currency}`,
    found: formatTimestamp(one.detectedAt),
    resolved: formatTimestamp(one.resolvedAt),
    resolution: one.refundRef === null ? one.resolution : `refunded by ${one.refundRef}: ${one.resolution}`,
  }))
  return formatSections({
    [`Payment ${payment.id}`]: formatFacts({
      status: payment.needsReview ? `${status}, in review` : status,
      account: accountFact(payment),
      amount: `${amount} ${currency} (minor units)`,
      'idempotency key': payment.idempotencyKey,
      retries: payment.retries,
      'outcome unknown since': formatTimestamp(payment.unknownSince),
      failure: failureKind === null ? null : `${failureKind}: ${failureCode}`,
      gateway: gatewayRef === null ? gateway : `${gateway} ${gatewayRef}`,
      'late charge': payment.lateChargeRef ?? undefined,
      ...factsOf(payment),
      created: formatTimestamp(payment.createdAt),
      updated: formatTimestamp(payment.updatedAt),
      'job in Redis': describeJob(job),
    }),
    'Refunds, captures and voids':
      movements.length === 0 ? undefined : formatTable(movements.map(movementRow)),
    Attempts: formatAttempts(attempts),
    Contradictions: contradictions.length === 0 ? undefined : formatTable(contradictions),
    Disputes: disputes.length === 0 ? undefined : formatTable(disputes.map(disputeRow)),
    Events: formatEvents(events),
    'Webhook deliveries': formatTable(
      deliveries.map((delivery) => ({
        id: delivery.id,
        event: delivery.type,
        endpoint: delivery.endpointId,
        status: delivery.status,
        attempts: delivery.attempts,
        'last response': delivery.lastCode ?? delivery.lastError,
        next: formatTimestamp(delivery.nextAttemptAt),
      })),
    ),
  })
}

function disputeRow({ id, status, amount, currency, reason, respondBy, openedAt }: Dispute) {
  return {
    id,
    status,
    disputed: `${amount} ${currency}`,
    reason,
    opened: formatTimestamp(openedAt),
    'respond by': formatTimestamp(respondBy),
  }
}

/** What the payment said of itself; nothing of what it did not say. */
function factsOf({ details, priority, executeAt, expiresAt }: Payment) {
  const said = {
    reference: details?.reference,
    description: details?.description,
    'statement descriptor': details?.statementDescriptor,
    metadata: details?.metadata,
    'payment method': details?.paymentMethod,
    customer: details?.customer,
    priority: priority === 'default' ? null : priority,
    'executed not before': executeAt,
    expires: expiresAt,
    'details erased': details?.erasedAt,
  }
  return Object.fromEntries(
    Object.entries(said).flatMap(([name, value]) => (value == null ? [] : [[name, formatFact(value)]])),
  )
}

function formatFact(value: string | Date | object): string | null {
  if (typeof value === 'string') return value
  return value instanceof Date ? formatTimestamp(value) : formatData(value, 80)
}

function movementRow(movement: Movement) {
  const { id, status, needsReview, amount, currency, reason, failureCode: failure, createdAt } = movement
  const created = formatTimestamp(createdAt)
  return {
    id,
    status: needsReview ? `${status}, in review` : status,
    amount,
    currency,
    reason,
    failure,
    created,
  }
}

function describeJob(record: JobRecord): string {
  const { id } = record
  if ('letter' in record) return `${id} is dead letter ${record.letter.letterId} (${record.letter.cause})`
  if (!('job' in record)) return record.state === 'none' ? 'none' : `${id} is done`
  const { state, consumer, idleMs = 0, dueAt } = record.job
  if (state === 'leased') return `${id} is leased by ${consumer}, idle for ${formatDuration(idleMs)}`
  return dueAt === undefined ? `${id} is ${state}` : `${id} is delayed until ${formatTimestamp(dueAt)}`
}
