import type {
  DeliveryStatus,
  PageRequest,
  RedeliveryRange,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEvent,
} from '../delivery.ts'
import { deliveryNumberOf } from '../identifiers.ts'
import { boundedLimit } from './endpoints.ts'
import { toAttempt, toDelivery, toEvent, type AttemptRow, type DeliveryRow, type EventRow } from './rows.ts'
import type { Database, Statements } from './sql.ts'

export async function getDelivery(sql: Statements, id: string): Promise<WebhookDelivery | undefined> {
  const number = deliveryNumberOf(id)
  if (number === undefined) return undefined
  const [row] = await sql<DeliveryRow[]>`select * from webhook_deliveries where id = ${number}::bigint`
  return row && toDelivery(row)
}

/** Every delivery of an event, in the order of the endpoints. */
export async function deliveriesOfEvent(sql: Statements, eventId: string): Promise<WebhookDelivery[]> {
  const rows = await sql<DeliveryRow[]>`
    select * from webhook_deliveries where event_id = ${eventId}::text order by endpoint_id`
  return rows.map(toDelivery)
}

/** Which deliveries of an endpoint to list; newest first. */
export interface DeliveryFilter extends PageRequest {
  readonly status?: DeliveryStatus
}

export async function deliveriesOfEndpoint(
  sql: Database,
  endpointId: string,
  { status, after, limit = 50 }: DeliveryFilter,
): Promise<WebhookDelivery[]> {
  const before = after === undefined ? Number.MAX_SAFE_INTEGER : (deliveryNumberOf(after) ?? 0)
  const rows = await sql<DeliveryRow[]>`
    select * from webhook_deliveries
     where endpoint_id = ${endpointId}::text and id < ${before}::bigint
       ${status === undefined ? sql`` : sql`and status = ${status}::text`}
     order by id desc limit ${boundedLimit(limit)}::int`
  return rows.map(toDelivery)
}

/** Reads the latest attempts, at most as many as a page has, in the order they were made. */
export async function attemptsOf(sql: Statements, id: string): Promise<WebhookAttempt[]> {
  const rows = await sql<AttemptRow[]>`
    select * from (select * from webhook_attempts where delivery_id = ${deliveryNumberOf(id) ?? 0}::bigint
                    order by attempt_no desc limit ${boundedLimit(Number.MAX_SAFE_INTEGER)}::int) latest
     order by attempt_no`
  return rows.map(toAttempt)
}

export async function getEvent(sql: Statements, id: string): Promise<WebhookEvent | undefined> {
  const [row] = await sql<EventRow[]>`select * from webhook_events where id = ${id}::text`
  return row && toEvent(row)
}

/** Which events to list; those of the newest payments first. */
export interface EventFilter extends PageRequest {
  readonly paymentId?: string
}

export async function listEvents(
  sql: Database,
  { paymentId, after, limit = 50 }: EventFilter,
): Promise<WebhookEvent[]> {
  const rows = await sql<EventRow[]>`
    select * from webhook_events
     where true
       ${after === undefined ? sql`` : sql`and id < ${after}::text`}
       ${paymentId === undefined ? sql`` : sql`and payment_id = ${paymentId}::text`}
     order by id desc limit ${boundedLimit(limit)}::int`
  return rows.map(toEvent)
}

/** Which deliveries are to be sent again. */
export type Redelivered =
  | { readonly deliveryId: string }
  | { readonly eventId: string; readonly endpointId?: string }

/** Begins the schedule again, at once; one that is being sent right now goes on. Answers how many there were. */
export async function redeliver(sql: Database, which: Redelivered): Promise<number> {
  const chosen =
    'deliveryId' in which
      ? sql`d.id = ${deliveryNumberOf(which.deliveryId) ?? 0}::bigint`
      : which.endpointId === undefined
        ? sql`d.event_id = ${which.eventId}::text`
        : sql`d.event_id = ${which.eventId}::text and d.endpoint_id = ${which.endpointId}::text`
  const rows = await sql`
    update webhook_deliveries d
       set status = 'PENDING', tries = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
      from webhook_endpoints e
     where ${chosen} and e.id = d.endpoint_id and e.disabled_at is null and e.deleted_at is null
 returning d.id`
  return rows.length
}

/** Deliveries per statement, so that a long range does not outlast the statement timeout. */
const CHUNK = 5_000

/** {@link redeliver} for a time range of one endpoint, oldest first; answers how many. */
export async function redeliverRange(
  sql: Statements,
  endpointId: string,
  { since, until = new Date(), status = 'FAILED' }: RedeliveryRange,
): Promise<number> {
  let count = 0
  let after = 0
  for (;;) {
    const rows: { id: number }[] = await sql<{ id: number }[]>`
      with target as (
        select id from webhook_deliveries
         where endpoint_id = ${endpointId}::text and id > ${after}::bigint and status = ${status}::text
           and created_at >= ${since ?? new Date(0)}::timestamptz and created_at < ${until}::timestamptz
         order by id limit ${CHUNK}::int for update
      )
      update webhook_deliveries d
         set status = 'PENDING', tries = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
        from target
       where d.id = target.id
   returning d.id`
    count += rows.length
    if (rows.length < CHUNK) return count
    after = Math.max(...rows.map(({ id }) => id))
  }
}
