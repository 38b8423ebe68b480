import type {
  DeliveryStatus,
  PageRequest,
  RedeliveryRange,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEvent,
} from '../delivery.ts'
import { deliveryIdOf, deliveryNumberOf } from '../identifiers.ts'
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
  readonly status?: DeliveryStatus | undefined
}

/** A page of an endpoint's deliveries. */
export interface DeliveryPage {
  readonly deliveries: WebhookDelivery[]
  /**
   * The id to continue after; undefined when the list is complete. A page may be short, or empty, and still have a next
   * one: it examines a bounded number of deliveries.
   */
  readonly next: string | undefined
}

/** Most deliveries that one statement examines, so that its cost does not grow with the history. */
const MOST_EXAMINED = 100_000

/** Lists one page of an endpoint's deliveries. One statement, so one snapshot. */
export async function pageOfDeliveries(
  sql: Database,
  endpointId: string,
  { status, after, limit = 50 }: DeliveryFilter,
  mostExamined: number = MOST_EXAMINED,
): Promise<DeliveryPage> {
  const before = after === undefined ? Number.MAX_SAFE_INTEGER : (deliveryNumberOf(after) ?? 0)
  const most = boundedLimit(limit)
  // A range instead of an equality: only the index of (endpoint_id, id) serves it in this order.
  const source = sql`
    select * from webhook_deliveries
     where endpoint_id >= ${endpointId}::text and (endpoint_id, id) < (${endpointId}::text, ${before}::bigint)
     order by endpoint_id desc, id desc`
  const rows = await sql<({ readonly edge: number | null } & (DeliveryRow | { readonly id: null }))[]>`
    with page as materialized (
      select * from (${source} limit ${mostExamined}::int) examined
       where true ${status === undefined ? sql`` : sql`and coalesce(status, '') = ${status}::text`}
       order by endpoint_id desc, id desc
       limit ${most + 1}::int
    ), edge as (
      select case when (select count(*) from page) <= ${most}::int
             then (select id from (${source} offset ${mostExamined - 1}::int limit 1) oldest) end as edge
    )
    select page.*, edge.edge from edge left join page on true order by page.id desc`
  const deliveries = rows.flatMap((row) => (row.id === null ? [] : [toDelivery(row)])).slice(0, most)
  const edge = rows[0]?.edge ?? undefined
  const next =
    rows.length > most ? deliveries.at(-1)?.id : edge === undefined ? undefined : deliveryIdOf(edge)
  return { deliveries, next }
}

/** Lists up to `limit` deliveries of an endpoint over as many pages as that takes. */
export async function deliveriesOfEndpoint(
  sql: Database,
  endpointId: string,
  filter: DeliveryFilter,
): Promise<WebhookDelivery[]> {
  const limit = boundedLimit(filter.limit ?? 50)
  const found: WebhookDelivery[] = []
  let { after } = filter
  do {
    const from = after === undefined ? {} : { after }
    const rest = { ...filter, ...from, limit: limit - found.length }
    const { deliveries, next } = await pageOfDeliveries(sql, endpointId, rest)
    found.push(...deliveries)
    after = next
  } while (after !== undefined && found.length < limit)
  return found
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
  readonly paymentId?: string | undefined
}

export async function listEvents(
  sql: Database,
  { paymentId, after, limit = 50 }: EventFilter,
): Promise<WebhookEvent[]> {
  // The events of a payment are few: sorted by an expression, so that the primary key is not walked for them.
  const source =
    paymentId === undefined
      ? sql`select *, id as sort_id from webhook_events`
      : sql`select *, id || '' as sort_id from webhook_events where payment_id = ${paymentId}::text`
  const rows = await sql<EventRow[]>`
    select * from (${source}) event
     where true ${after === undefined ? sql`` : sql`and sort_id < ${after}::text`}
     order by sort_id desc limit ${boundedLimit(limit)}::int`
  return rows.map(toEvent)
}

/** Which deliveries are to be sent again. */
export type Redelivered =
  | { readonly deliveryId: string }
  | { readonly eventId: string; readonly endpointId?: string | undefined }

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

/** Deliveries that a statement examines, so that a long range does not outlast the statement timeout. */
const CHUNK = 10_000

/** {@link redeliver} for a time range of one endpoint, oldest first; answers how many. */
export async function redeliverRange(
  sql: Statements,
  endpointId: string,
  { since, until = new Date(), status = 'FAILED' }: RedeliveryRange,
): Promise<number> {
  let count = 0
  let after = 0
  for (;;) {
    const [row]: { readonly examined: number; readonly last: number; readonly moved: number }[] = await sql<
      { examined: number; last: number; moved: number }[]
    >`
      with chunk as materialized (
        select id, status, created_at from webhook_deliveries
         where (endpoint_id, id) > (${endpointId}::text, ${after}::bigint) and endpoint_id <= ${endpointId}::text
         order by endpoint_id, id limit ${CHUNK}::int
      ), target as (
        select d.id from webhook_deliveries d
         where d.id = any(array(
                 select id from chunk
                  where status = ${status}::text
                    and created_at >= ${since ?? new Date(0)}::timestamptz and created_at < ${until}::timestamptz))
           -- Of its row alone the lock guarantees the latest version.
           and d.status = ${status}::text
         order by d.id for update
      ), moved as (
        update webhook_deliveries d
           set status = 'PENDING', tries = 0, next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
          from target
         where d.id = target.id
     returning d.id
      )
      select (select count(*) from chunk) as examined, (select coalesce(max(id), 0) from chunk) as last,
             (select count(*) from moved) as moved`
    if (row === undefined) return count
    count += row.moved
    if (row.examined < CHUNK) return count
    after = row.last
  }
}
