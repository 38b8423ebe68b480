import { storeSettings, type StoreConfig } from '@titan/payments'
import { EXIT, text, type Program } from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import {
  formatData,
  formatDuration,
  formatFacts,
  formatTimestamp,
  formatSections,
  formatTable,
  writeResult,
} from '../output.ts'
import { readPaymentRecord, type JobRecord, type PaymentRecord } from './payment-record.ts'
import { toJson } from './peek.ts'
import { jsonSetting, version, type QueueSettings } from './queue.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan payments show`. */
export interface ShowSettings extends Omit<QueueSettings, 'queue'> {
  readonly id: string
}

/** The program `titan payments show`. */
export const paymentsShowProgram: Program<ShowSettings, { readonly config: StoreConfig }> = {
  name: 'titan payments show',
  version,
  description: 'Show everything known about a payment. Code 1 if it does not exist.',
  settings: {
    id: text(
      { flag: 'id', takesWords: true, about: 'ID of the payment.', hint: 'pay_…', shown: '' },
      { form: /^[\w-]{1,100}$/, rule: 'the id of one payment' },
    ),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  groups: { config: storeSettings },
  run: async ({ id, json, connectTimeoutMs }, { config }) => {
    if (id === '') {
      process.stderr.write('titan payments show: the payment is missing: titan payments show PAYMENT_ID\n')
      return EXIT.usage
    }
    return withOpener({ name: 'titan payments show', config, connectTimeoutMs }, async (open) => {
      const [sql, redis] = [await open.database(), await open.redis()]
      const record = await readPaymentRecord({ sql, redis, prefix: config.prefix }, id)
      if (record === undefined) {
        process.stderr.write(`titan payments show: no such payment: ${id}\n`)
        return EXIT.failure
      }
      writeResult(json, { ...record, job: jobToJson(record.job) }, () => formatRecord(record))
      return EXIT.ok
    })
  },
}

function jobToJson(job: JobRecord): Readonly<Record<string, unknown>> {
  return job.state === 'live' ? { ...job, job: toJson(job.job) } : { ...job }
}

function formatRecord({ payment, attempts, events, deliveries, breaks, job }: PaymentRecord): string {
  const facts = formatFacts([
    ['status', payment.needsReview ? `${payment.status}, in review` : payment.status],
    ['amount', `${payment.amount} ${payment.currency} (minor units)`],
    ['idempotency key', payment.idempotencyKey],
    ['retries', payment.retries],
    ['outcome unknown since', formatTimestamp(payment.unknownSince)],
    ['failure', payment.failureKind === null ? null : `${payment.failureKind}: ${payment.failureCode}`],
    ['gateway', payment.gatewayRef === null ? payment.gateway : `${payment.gateway} ${payment.gatewayRef}`],
    ...(payment.lateChargeRef === null ? [] : [['late charge', payment.lateChargeRef] as const]),
    ['created', formatTimestamp(payment.createdAt)],
    ['updated', formatTimestamp(payment.updatedAt)],
    ['job in Redis', describeJob(job)],
  ])
  const tries = attempts.map((attempt) => [
    attempt.attemptNo,
    attempt.gatewayKey,
    attempt.outcome,
    attempt.sends,
    attempt.takeovers,
    formatTimestamp(attempt.firstSentAt),
    attempt.lastError,
  ])
  const history = events.map(({ seq, at, type, toStatus, actor, evidence }) => [
    seq,
    formatTimestamp(at),
    type,
    toStatus,
    actor,
    evidence === null ? null : formatData(evidence, 80),
  ])
  const sent = deliveries.map((delivery) => [
    delivery.id,
    delivery.type,
    delivery.endpointId,
    delivery.status,
    delivery.attempts,
    delivery.lastCode ?? delivery.lastError,
    formatTimestamp(delivery.nextAttemptAt),
  ])
  return formatSections([
    [`Payment ${payment.id}`, facts],
    [
      'Attempts',
      tableOr(['no', 'gateway key', 'outcome', 'sends', 'takeovers', 'first sent', 'last error'], tries),
    ],
    ...formatBreaks(payment, breaks),
    ['Events', tableOr(['seq', 'at', 'type', 'status', 'actor', 'evidence'], history)],
    [
      'Webhook deliveries',
      tableOr(['id', 'event', 'endpoint', 'status', 'attempts', 'last response', 'next'], sent),
    ],
  ])
}

/** Formats the contradictions with a gateway as a section; none without any. */
function formatBreaks(
  payment: PaymentRecord['payment'],
  breaks: PaymentRecord['breaks'],
): (readonly [title: string, body: string])[] {
  if (breaks.length === 0) return []
  const heads = ['kind', 'gateway', 'reference', 'booked', 'charged', 'found', 'resolved', 'resolution']
  const rows = breaks.map((one) => [
    one.kind,
    one.gateway,
    one.reference,
    `${payment.amount} ${payment.currency}`,
    one.amount === null ? null : `${one.amount} ${one.currency ?? payment.currency}`,
    formatTimestamp(one.detectedAt),
    formatTimestamp(one.resolvedAt),
    one.refundRef === null ? one.resolution : `refunded by ${one.refundRef}: ${one.resolution}`,
  ])
  return [['Contradictions', formatTable(heads, rows)]]
}

function tableOr(heads: readonly string[], rows: Parameters<typeof formatTable>[1]): string {
  return rows.length === 0 ? 'none' : formatTable(heads, rows)
}

function describeJob(record: JobRecord): string {
  switch (record.state) {
    case 'none':
      return 'none'
    case 'done':
      return `${record.id} is done`
    case 'dead':
      return `${record.id} is dead letter ${record.letter.letterId} (${record.letter.cause})`
    case 'live': {
      const { state, consumer, idleMs, dueAt } = record.job
      if (state === 'leased')
        return `${record.id} is leased by ${consumer}, idle for ${formatDuration(idleMs ?? 0)}`
      return dueAt === undefined
        ? `${record.id} is ${state}`
        : `${record.id} is delayed until ${formatTimestamp(dueAt)}`
    }
  }
}
