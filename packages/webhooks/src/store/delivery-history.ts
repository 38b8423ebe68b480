import type { Database } from '@titan/payments'
import type {
  DeliveryStatus,
  PageRequest,
  RedeliveryRange,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEvent,
} from '../model/delivery.ts'
import { WebhooksError } from '../model/errors.ts'
import { outgoing, TEST_EVENT_TYPE } from '../model/event.ts'
import { deliveryIdOf, deliveryNumberOf, isStorable, newEventId } from '../model/identifiers.ts'
import { endpointDisabled, found, requireEnabled } from './endpoint-store.ts'
import { publish } from './publish.ts'
import { pageLength, statement } from './statements.ts'

/** The events, deliveries and attempts of a webhook store. */
export interface DeliveryHistory {
  getEvent(id: string): Promise<WebhookEvent | undefined>
  /** Those of the newest payments first. */
  listEvents(filter?: EventFilter): Promise<WebhookEvent[]>
  getDelivery(id: string): Promise<WebhookDelivery | undefined>
  /** Every delivery of an event, in the order of the endpoints. */
  deliveriesOfEvent(eventId: string): Promise<WebhookDelivery[]>
  /** A page, newest first. Its cost is bounded, so it may be short or empty although there is a next one. */
  deliveryPage(endpointId: string, filter?: DeliveryFilter): Promise<DeliveryPage>
  /** Up to `limit` deliveries, newest first, over as many pages as that takes. */
  deliveriesOfEndpoint(endpointId: string, filter?: DeliveryFilter): Promise<WebhookDelivery[]>
  /** The latest attempts, at most as many as a page has, in the order they were made. */
  attemptsOf(deliveryId: string): Promise<WebhookAttempt[]>

  /** What waits to be sent, and which endpoints keep it waiting; at a bounded cost. */
  backlog(): Promise<WebhookBacklog>
  /** Sends a test event. @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
  sendTestEvent(id: string): Promise<WebhookDelivery>
  /**
   * Sends deliveries again, with the same `webhook-id`, and returns their number. Skips those of disabled endpoints.
   * @throws {WebhooksError} `DELIVERY_NOT_FOUND` or `EVENT_NOT_FOUND`; `ENDPOINT_DISABLED` when none can be sent
   */
  redeliver(which: Redelivered): Promise<number>
  /** Sends a time range of one endpoint again. @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
  redeliverRange(endpointId: string, range?: RedeliveryRange): Promise<number>
}

/** Which deliveries of an endpoint to list. */
export interface DeliveryFilter extends PageRequest {
  readonly status?: DeliveryStatus | undefined
}

/** Which events to list. */
export interface EventFilter extends PageRequest {
  readonly paymentId?: string | undefined
}

/** Which deliveries to send again. */
export type Redelivered =
  | { readonly deliveryId: string }
  | { readonly eventId: string; readonly endpointId?: string | undefined }

/** A page of an endpoint's deliveries. */
export interface DeliveryPage {
  readonly deliveries: WebhookDelivery[]
  /** The id to continue after; undefined when the list is complete. */
  readonly next: string | undefined
}

/** What waits to be sent, and which endpoints keep it waiting. */
export interface WebhookBacklog {
  /** Deliveries that are PENDING, counted up to 200,000. */
  readonly pending: number
  /** Events that are not deliveries yet, counted up to 200,000. */
  readonly waitingEvents: number
  /** Endpoints whose latest attempts failed, and that are not disabled. */
  readonly failingEndpoints: number
  readonly disabledEndpoints: number
  /** Whether one of the first two reached the limit. */
  readonly isAtLeast: boolean
}

/** Most rows that are counted. */
const MOST_COUNTED = 200_000
/** Most deliveries that one statement for a page examines. */
const MOST_EXAMINED = 100_000
/** Deliveries that one statement for a range examines. */
const CHUNK = 10_000
/** Longest page. */
const MOST_ATTEMPTS = pageLength(Infinity)
/** Above every id of an event. */
const AFTER_ALL_IDS = '~'

type DeliveryRow = Omit<WebhookDelivery, 'id'> & { readonly id: number }
type PageRow = (DeliveryRow | { readonly id: null }) & { readonly edge: number | null }
type Chunk = { readonly examined: number; readonly last: number; readonly moved: number }

const count = statement<Omit<WebhookBacklog, 'isAtLeast'>>('count_backlog')
const findEvent = statement<WebhookEvent>('find_event')
const listEvents = statement<WebhookEvent>('list_events')
const listPaymentEvents = statement<WebhookEvent>('list_payment_events')
const findDelivery = statement<DeliveryRow>('find_delivery')
const listEventDeliveries = statement<DeliveryRow>('list_event_deliveries')
const listEndpointDeliveries = statement<PageRow>('list_endpoint_deliveries')
const listAttempts = statement<WebhookAttempt>('list_attempts')
const resend = statement('redeliver')
const resendChunk = statement<Chunk>('redeliver_range')

/** Creates the history over an open, migrated database. */
export function createDeliveryHistory(sql: Database): DeliveryHistory {
  return {
    getEvent: (id) => getEvent(sql, id),
    listEvents({ paymentId, after: before = AFTER_ALL_IDS, limit } = {}) {
      const page = { before, most: pageLength(limit) }
      return paymentId === undefined ? listEvents(sql, page) : listPaymentEvents(sql, { paymentId, ...page })
    },
    getDelivery: (id) => getDelivery(sql, id),
    deliveriesOfEvent: (eventId) => deliveriesOfEvent(sql, eventId),
    deliveryPage: (endpointId, filter = {}) => pageOfDeliveries(sql, endpointId, filter),
    async deliveriesOfEndpoint(endpointId, filter = {}) {
      const limit = pageLength(filter.limit)
      const deliveries: WebhookDelivery[] = []
      let { after } = filter
      do {
        const page = { ...filter, after, limit: limit - deliveries.length }
        const { deliveries: some, next } = await pageOfDeliveries(sql, endpointId, page)
        deliveries.push(...some)
        after = next
      } while (after !== undefined && deliveries.length < limit)
      return deliveries
    },
    attemptsOf: (id) => listAttempts(sql, { deliveryId: deliveryNumberOf(id) ?? 0, most: MOST_ATTEMPTS }),
    backlog: () => countBacklog(sql),
    async sendTestEvent(endpointId) {
      await requireEnabled(sql, endpointId)
      const timestamp = new Date().toISOString()
      const payload = { type: TEST_EVENT_TYPE, timestamp, data: { endpoint_id: endpointId } } as const
      const event = outgoing(newEventId(), null, payload)
      await publish(sql, [event], { endpointId })
      // Without a delivery, the endpoint was deleted in between.
      return found((await deliveriesOfEvent(sql, event.id))[0])
    },
    redeliver: (which) => redeliver(sql, which),
    async redeliverRange(endpointId, range = {}) {
      await requireEnabled(sql, endpointId)
      return redeliverRange(sql, endpointId, range)
    },
  }
}

/** Counts what waits to be sent. */
export async function countBacklog(sql: Database, most: number = MOST_COUNTED): Promise<WebhookBacklog> {
  const [row] = await count(sql, { most })
  if (row === undefined) throw new RangeError('a count returns one row')
  return { ...row, isAtLeast: row.pending >= most || row.waitingEvents >= most }
}

/** Lists one page of an endpoint's deliveries. One statement, so one snapshot. */
export async function pageOfDeliveries(
  sql: Database,
  endpointId: string,
  { status, after, limit }: DeliveryFilter,
  examined: number = MOST_EXAMINED,
): Promise<DeliveryPage> {
  const before = after === undefined ? Number.MAX_SAFE_INTEGER : (deliveryNumberOf(after) ?? 0)
  const most = pageLength(limit)
  const page = { endpointId, before, status: status ?? null, most, examined }
  const rows = await listEndpointDeliveries(sql, page)
  const edge = rows[0]?.edge ?? undefined
  const deliveries = rows
    .flatMap(({ edge: _edge, ...row }) => (row.id === null ? [] : [toDelivery(row)]))
    .slice(0, most)
  if (rows.length > most) return { deliveries, next: deliveries.at(-1)?.id }
  return { deliveries, next: edge === undefined ? undefined : deliveryIdOf(edge) }
}

async function getEvent(sql: Database, id: string): Promise<WebhookEvent | undefined> {
  return isStorable(id) ? (await findEvent(sql, { id }))[0] : undefined
}

async function getDelivery(sql: Database, id: string): Promise<WebhookDelivery | undefined> {
  const number = deliveryNumberOf(id)
  if (number === undefined) return undefined
  const [row] = await findDelivery(sql, { id: number })
  return row && toDelivery(row)
}

async function deliveriesOfEvent(sql: Database, eventId: string): Promise<WebhookDelivery[]> {
  return (await listEventDeliveries(sql, { eventId })).map(toDelivery)
}

function toDelivery({ id, ...row }: DeliveryRow): WebhookDelivery {
  return { id: deliveryIdOf(id), ...row }
}

async function redeliver(sql: Database, which: Redelivered): Promise<number> {
  const deliveries = await find(sql, which)
  if (deliveries.length === 0) throw new WebhooksError('DELIVERY_NOT_FOUND', 'There is no such delivery')
  const ids = deliveries.map(({ id }) => deliveryNumberOf(id) ?? 0)
  const resent = await resend(sql, { ids })
  if (resent.length === 0) throw endpointDisabled()
  return resent.length
}

async function find(sql: Database, which: Redelivered): Promise<WebhookDelivery[]> {
  if ('deliveryId' in which) {
    const delivery = await getDelivery(sql, which.deliveryId)
    return delivery === undefined ? [] : [delivery]
  }
  const { eventId, endpointId } = which
  if ((await getEvent(sql, eventId)) === undefined)
    throw new WebhooksError('EVENT_NOT_FOUND', 'There is no such event')
  const deliveries = await deliveriesOfEvent(sql, eventId)
  return deliveries.filter((delivery) => endpointId === undefined || delivery.endpointId === endpointId)
}

async function redeliverRange(
  sql: Database,
  endpointId: string,
  { since = new Date(0), until = new Date(), status = 'FAILED' }: RedeliveryRange,
): Promise<number> {
  let [moved, after] = [0, 0]
  for (;;) {
    const [chunk] = await resendChunk(sql, { endpointId, after, examined: CHUNK, status, since, until })
    if (chunk === undefined) return moved
    moved += chunk.moved
    if (chunk.examined < CHUNK) return moved
    after = chunk.last
  }
}
