import { eventIdOf, kindOf, type Database, type PaymentStatus, type Queryable } from '@titan/payments'
import {
  outgoing,
  type DisputeData,
  type DisputeWebhookType,
  type MovementWebhookType,
  type OutgoingEvent,
  type PaymentData,
  type PaymentWebhookType,
  type WebhookPayload,
} from '../model/event.ts'
import { eventPositionOf } from '../model/records.ts'
import { statement } from './statements.ts'

interface NotedEvent {
  /** The payment, or the movement of it, that the event is about. */
  readonly id: string
  readonly paymentId: string
  readonly account: string | null
  readonly seq: number
  readonly type: PaymentWebhookType | MovementWebhookType | DisputeWebhookType
  readonly toStatus: PaymentStatus
  readonly at: string
  readonly happenedAt: Date
  readonly amount: number
  readonly currency: string
  readonly hasDetails: boolean | null
  /** What the event says of a dispute. */
  readonly dispute: Omit<DisputeData, keyof PaymentData> | null
}

/** What a payment said of itself. */
interface Details {
  readonly paymentId: string
  readonly reference: string | null
  readonly description: string | null
  readonly statementDescriptor: string | null
  readonly metadata: Readonly<Record<string, string>> | null
}

const lockDetails = statement<Details>('lock_details')
const takeOutbox = statement<NotedEvent>('take_outbox')
const publishAll = statement('publish')
const renounce = statement('renounce_results')
const eraseAll = statement('erase_bodies')
const pruneEvents = statement<{ seen: number; last: string | null; count: number }>('prune')

/** Turns noted events into deliveries, in one transaction. Returns the number of notes. Safe for any number of programs. */
export async function fanOut(sql: Database, limit: number) {
  return sql.begin(async (transaction) => {
    const noted = await takeOutbox(transaction, { most: limit })
    const details = await readDetails(transaction, noted)
    const events = noted.map((event) => toOutgoing(event, details.get(event.paymentId)))
    if (noted.length > 0) await publish(transaction, events)
    return noted.length
  })
}

/** Asks only for payments that said something. */
async function readDetails(sql: Queryable, noted: readonly NotedEvent[]) {
  const paymentIds = noted.filter(({ hasDetails }) => hasDetails === true).map(({ paymentId }) => paymentId)
  const found = paymentIds.length === 0 ? [] : await lockDetails(sql, { paymentIds })
  return new Map(found.map((details) => [details.paymentId, details]))
}

function toOutgoing(noted: NotedEvent, details: Details | undefined) {
  const { id, paymentId, account, seq, at } = noted
  return outgoing(eventIdOf(id, seq), { paymentId, account }, payloadOf(noted, details), at)
}

function payloadOf(noted: NotedEvent, details: Details | undefined): WebhookPayload {
  const { id, type, paymentId, amount, currency, toStatus: status, seq: sequence, happenedAt } = noted
  const timestamp = happenedAt.toISOString()
  const data = { payment_id: paymentId, amount, currency, status, sequence }
  if (isOfDispute(type)) return { type, timestamp, data: { ...data, ...disputeIn(noted) } }
  if (isOfPayment(type)) return { type, timestamp, data: { ...data, ...saidIn(details) } }
  const kind = kindOf(id)
  if (kind === 'refund') return { type, timestamp, data: { refund_id: id, ...data } }
  if (kind === 'capture') return { type, timestamp, data: { capture_id: id, ...data } }
  return { type, timestamp, data: { void_id: id, ...data } }
}

function isOfPayment(type: NotedEvent['type']): type is PaymentWebhookType {
  return type.startsWith('payment.')
}

function isOfDispute(type: NotedEvent['type']): type is DisputeWebhookType {
  return type.startsWith('dispute.')
}

function disputeIn({ dispute, amount, currency }: NotedEvent) {
  const {
    dispute_id = '',
    dispute_status = '',
    disputed_amount = amount,
    disputed_currency = currency,
    reason,
    respond_by,
  } = dispute ?? {}
  return { dispute_id, dispute_status, disputed_amount, disputed_currency, reason, respond_by }
}

function saidIn(details: Details | undefined) {
  return {
    reference: details?.reference ?? undefined,
    description: details?.description ?? undefined,
    statement_descriptor: details?.statementDescriptor ?? undefined,
    metadata: details?.metadata ?? undefined,
  }
}

/**
 * Erases what payments said of themselves from the stored bodies of their webhooks, in a transaction. What is being delivered
 * meanwhile is delivered again, without it.
 */
export async function eraseBodies(sql: Queryable, paymentIds: readonly string[]): Promise<void> {
  await renounce(sql, { paymentIds })
  await eraseAll(sql, { paymentIds })
}

/** Who receives events. */
interface PublishOptions {
  /** Only this endpoint, whatever it is subscribed to. @default every subscribed endpoint */
  readonly endpointId?: string
  /** Keeps the events although they have no receiver. @default false */
  readonly isKept?: boolean
}

/** Stores events and their deliveries, once. */
export async function publish(
  sql: Queryable,
  events: readonly OutgoingEvent[],
  { endpointId, isKept = false }: PublishOptions = {},
) {
  await publishAll(sql, {
    ids: events.map(({ id }) => id),
    types: events.map(({ type }) => type),
    paymentIds: events.map(({ paymentId }) => paymentId),
    payloads: events.map(({ payload }) => payload),
    times: events.map(({ at }) => at),
    accounts: events.map(({ account }) => account),
    endpointId: endpointId ?? null,
    isKept,
  })
}

/**
 * Examines up to `most` events after the id `after` and deletes those that are older than `retentionMs` and whose
 * deliveries have all ended. Returns the number of deleted events, and the last examined one while there are older ones.
 */
export async function prune(sql: Database, batch: { retentionMs: number; after: string; most: number }) {
  const [row] = await pruneEvents(sql, { ...batch, after: eventPositionOf(batch.after) })
  return { count: row?.count ?? 0, last: row?.seen === batch.most ? (row.last ?? undefined) : undefined }
}
