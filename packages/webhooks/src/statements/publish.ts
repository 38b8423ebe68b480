import { eventIdOf, type PaymentStatus } from '@titan/payments'
import { encodePayload, type OutgoingEvent, type PaymentData } from '../payload.ts'
import type { WebhookEventType } from '../event-types.ts'
import type { Database, Statements } from './sql.ts'

interface NotedRow {
  readonly payment_id: string
  readonly seq: number
  readonly type: Exclude<WebhookEventType, 'endpoint.disabled'>
  readonly to_status: PaymentStatus
  readonly at: string
  readonly moment: Date
  readonly amount: number
  readonly currency: string
}

/**
 * Hands out noted events, oldest first, at most `limit`: each becomes a delivery per endpoint that is subscribed.
 * Notes that somebody else hands out are skipped. Answers how many notes were taken.
 */
export async function fanOut(sql: Database, limit: number): Promise<number> {
  return sql.begin(async (transaction) => {
    const rows = await transaction<NotedRow[]>`
      with target as materialized (
        select id from webhook_outbox order by id limit ${limit}::int for update skip locked
      ), taken as (
        delete from webhook_outbox o using target where o.id = target.id returning o.id, o.payment_id, o.seq
      )
      select e.payment_id, e.seq, e.type, e.to_status, e.at::text as at, e.at as moment, p.amount, p.currency
        from taken
        join payment_events e on e.payment_id = taken.payment_id and e.seq = taken.seq
        join payments p on p.id = taken.payment_id
       order by taken.id`
    if (rows.length > 0) await publish(transaction, rows.map(toOutgoing))
    return rows.length
  })
}

function toOutgoing(row: NotedRow): OutgoingEvent {
  const data: PaymentData = {
    payment_id: row.payment_id,
    amount: row.amount,
    currency: row.currency,
    status: row.to_status,
    sequence: row.seq,
  }
  return {
    id: eventIdOf(row.payment_id, row.seq),
    type: row.type,
    paymentId: row.payment_id,
    payload: encodePayload({ type: row.type, timestamp: row.moment.toISOString(), data }),
    at: row.at,
  }
}

/** Options of {@link publish}. */
export interface PublishOptions {
  /** Only to this endpoint, whatever it is subscribed to. @default to every one that is subscribed */
  readonly endpointId?: string
  /** Keep the event although it has no receiver. @default false */
  readonly isKept?: boolean
}

/**
 * Stores events and their deliveries, once. An endpoint gets what happened since it was created. One that is disabled
 * gets its deliveries too, for the day on which somebody wants them sent.
 */
export async function publish(
  sql: Statements,
  events: readonly OutgoingEvent[],
  { endpointId, isKept = false }: PublishOptions = {},
): Promise<void> {
  await sql`
    with event as (
      select * from unnest(
        ${events.map(({ id }) => id)}::text[],
        ${events.map(({ type }) => type)}::text[],
        ${events.map(({ paymentId }) => paymentId)}::text[],
        ${events.map(({ payload }) => payload)}::text[],
        ${events.map(({ at }) => at)}::text[]::timestamptz[]
      ) as event (id, type, payment_id, payload, at)
    ), target as (
      select event.id as event_id, e.id as endpoint_id, e.disabled_at is null as may_send
        from event
        join webhook_endpoints e on e.deleted_at is null
         and case when ${endpointId ?? null}::text is null
                  then e.created_at <= event.at and (e.event_types is null or event.type = any(e.event_types))
                  else e.id = ${endpointId ?? null}::text end
    ), stored as (
      insert into webhook_events (id, type, payment_id, payload, at)
      select id, type, payment_id, payload, at
        from event where ${isKept}::boolean or id in (select event_id from target)
          on conflict (id) do nothing
    )
    insert into webhook_deliveries (event_id, endpoint_id, status, next_attempt_at, last_error)
    select event_id, endpoint_id,
           case when may_send then 'PENDING' else 'FAILED' end,
           case when may_send then clock_timestamp() end,
           case when not may_send then 'endpoint_disabled' end
      from target
        on conflict (event_id, endpoint_id) do nothing`
}
