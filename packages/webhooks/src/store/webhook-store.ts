import type { Database } from '@titan/payments'
import { WebhooksError } from '../model/errors.ts'
import { outgoing, TEST_EVENT_TYPE } from '../model/event.ts'
import {
  deliveryIdOf,
  deliveryNumberOf,
  eventPositionOf,
  isStorable,
  newEventId,
  type DeliveryStatus,
  type WebhookAttempt,
  type WebhookDelivery,
  type WebhookEvent,
} from '../model/records.ts'
import { endpointDisabled, EndpointStore, found, type WebhookStoreOptions } from './endpoint-store.ts'
import { publish } from './event-store.ts'
import { pageLength, statement, type PageRequest } from './statements.ts'

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

/** Which deliveries of an endpoint to send again. */
export interface RedeliveryRange {
  /** Created at or after. @default the beginning */
  readonly since?: Date | undefined
  /** Created before. @default now */
  readonly until?: Date | undefined
  /** @default 'FAILED' */
  readonly status?: 'FAILED' | 'DELIVERED' | undefined
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
/** Above the position of every event. */
const AFTER_ALL_EVENTS = '~'

type DeliveryRow = Omit<WebhookDelivery, 'id'> & { readonly id: number }
type PageRow = (DeliveryRow | { readonly id: null }) & { readonly edge: number | null }
type Chunk = { readonly examined: number; readonly last: number; readonly moved: number }

const count = statement<Omit<WebhookBacklog, 'isAtLeast'>>('count_backlog')
const findEvent = statement<WebhookEvent>('find_event')
const listEvents = statement<WebhookEvent>('list_events')
const listAccountEvents = statement<WebhookEvent>('list_account_events')
const listPaymentEvents = statement<WebhookEvent>('list_payment_events')
const findDelivery = statement<DeliveryRow>('find_delivery')
const listEventDeliveries = statement<DeliveryRow>('list_event_deliveries')
const listEndpointDeliveries = statement<PageRow>('list_endpoint_deliveries')
const listAttempts = statement<WebhookAttempt>('list_attempts')
const resend = statement('redeliver')
const resendChunk = statement<Chunk>('redeliver_range')

/** Endpoints, events and deliveries, as the API and operators use them. */
export class WebhookStore extends EndpointStore {
  readonly #options: WebhookStoreOptions

  constructor(sql: Database, options: WebhookStoreOptions) {
    super(sql, options)
    this.#options = options
  }

  /** Returns the same store for one account: nothing of another one can be found in it. */
  of(account: string) {
    return new WebhookStore(this.sql, { ...this.#options, account })
  }

  async getEvent(id: string) {
    return isStorable(id) ? (await findEvent(this.sql, { id, account: this.account }))[0] : undefined
  }

  /** Lists a page of events, those of the newest payments and movements first. */
  listEvents({ paymentId, after = AFTER_ALL_EVENTS, limit }: EventFilter = {}) {
    const page = { before: eventPositionOf(after), most: pageLength(limit), account: this.account }
    if (paymentId !== undefined) return listPaymentEvents(this.sql, { paymentId, ...page })
    const isOfSome = this.account !== null && this.account !== 'default'
    return isOfSome ? listAccountEvents(this.sql, page) : listEvents(this.sql, page)
  }

  async getDelivery(id: string) {
    const [row] = await findDelivery(this.sql, { id: deliveryNumberOf(id) ?? 0, account: this.account })
    return row && toDelivery(row)
  }

  /** Lists every delivery of an event, in the order of the endpoints. */
  async deliveriesOfEvent(eventId: string) {
    return (await listEventDeliveries(this.sql, { eventId })).map(toDelivery)
  }

  /**
   * Lists a page of an endpoint's deliveries, newest first, and the id to continue after, undefined when the list is
   * complete. The cost of a page is bounded, so it may be short or empty although there is a next one.
   */
  async deliveryPage(
    endpointId: string,
    { status, after, limit }: DeliveryFilter = {},
    examined = MOST_EXAMINED,
  ) {
    const before = after === undefined ? Number.MAX_SAFE_INTEGER : (deliveryNumberOf(after) ?? 0)
    const most = pageLength(limit)
    // One statement, so one snapshot.
    const page = { endpointId, before, status: status ?? null, most, examined }
    const rows = await listEndpointDeliveries(this.sql, page)
    const edge = rows[0]?.edge ?? undefined
    const deliveries = rows
      .flatMap(({ edge: _edge, ...row }) => (row.id === null ? [] : [toDelivery(row)]))
      .slice(0, most)
    if (rows.length > most) return { deliveries, next: deliveries.at(-1)?.id }
    return { deliveries, next: edge === undefined ? undefined : deliveryIdOf(edge) }
  }

  /** Lists up to `limit` deliveries, newest first, over as many pages as that takes. */
  async deliveriesOfEndpoint(endpointId: string, filter: DeliveryFilter = {}) {
    const limit = pageLength(filter.limit)
    const deliveries: WebhookDelivery[] = []
    let { after } = filter
    do {
      const page = { ...filter, after, limit: limit - deliveries.length }
      const { deliveries: some, next } = await this.deliveryPage(endpointId, page)
      deliveries.push(...some)
      after = next
    } while (after !== undefined && deliveries.length < limit)
    return deliveries
  }

  /** Lists the latest attempts, at most as many as a page has, in the order they were made. */
  attemptsOf(deliveryId: string) {
    return listAttempts(this.sql, { deliveryId: deliveryNumberOf(deliveryId) ?? 0, most: MOST_ATTEMPTS })
  }

  /** Counts what waits to be sent, at a bounded cost. */
  async backlog(most = MOST_COUNTED): Promise<WebhookBacklog> {
    const [row] = await count(this.sql, { most })
    if (row === undefined) throw new RangeError('a count returns one row')
    return { ...row, isAtLeast: row.pending >= most || row.waitingEvents >= most }
  }

  /** Sends a test event. @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
  async sendTestEvent(endpointId: string) {
    const { account } = await this.requireEnabled(endpointId)
    const data = { endpoint_id: endpointId }
    const subject = { paymentId: null, account: account === 'default' ? null : account }
    const payload = { type: TEST_EVENT_TYPE, timestamp: new Date().toISOString(), data } as const
    const event = outgoing(newEventId(), subject, payload)
    await publish(this.sql, [event], { endpointId })
    // Without a delivery, the endpoint was deleted in between.
    return found((await this.deliveriesOfEvent(event.id))[0])
  }

  /**
   * Sends deliveries again, with the same `webhook-id`, and returns their number. Skips those of disabled endpoints.
   * @throws {WebhooksError} `DELIVERY_NOT_FOUND` or `EVENT_NOT_FOUND`; `ENDPOINT_DISABLED` when none can be sent
   */
  async redeliver(which: Redelivered) {
    const deliveries =
      'deliveryId' in which
        ? [await this.getDelivery(which.deliveryId)]
        : await this.#deliveriesOf(which.eventId, which.endpointId)
    const ids = deliveries.flatMap((delivery) => deliveryNumberOf(delivery?.id ?? '') ?? [])
    if (ids.length === 0) throw new WebhooksError('DELIVERY_NOT_FOUND', 'There is no such delivery')
    const resent = await resend(this.sql, { ids })
    if (resent.length === 0) throw endpointDisabled()
    return resent.length
  }

  /** Sends a time range of one endpoint again. @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
  async redeliverRange(endpointId: string, range: RedeliveryRange = {}) {
    const { since = new Date(0), until = new Date(), status = 'FAILED' } = range
    await this.requireEnabled(endpointId)
    let [moved, after] = [0, 0]
    for (;;) {
      const [chunk] = await resendChunk(this.sql, {
        endpointId,
        after,
        examined: CHUNK,
        status,
        since,
        until,
      })
      if (chunk === undefined) return moved
      moved += chunk.moved
      if (chunk.examined < CHUNK) return moved
      after = chunk.last
    }
  }

  async #deliveriesOf(eventId: string, endpointId: string | undefined) {
    if ((await this.getEvent(eventId)) === undefined)
      throw new WebhooksError('EVENT_NOT_FOUND', 'There is no such event')
    const deliveries = await this.deliveriesOfEvent(eventId)
    return deliveries.filter((delivery) => endpointId === undefined || delivery.endpointId === endpointId)
  }
}

function toDelivery({ id, ...row }: DeliveryRow): WebhookDelivery {
  return { id: deliveryIdOf(id), ...row }
}
