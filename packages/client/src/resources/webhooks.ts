import type { Http, RequestOptions } from '../http.ts'
import type {
  CreatedWebhookEndpoint,
  CreateWebhookEndpoint,
  Redelivered,
  RedeliverEvent,
  RedeliverRange,
  RotatedSecret,
  RotateSecret,
  UpdateWebhookEndpoint,
  WebhookDelivery,
  WebhookDeliveryList,
  WebhookDeliveryPage,
  WebhookDeliveryWithHistory,
  WebhookEndpoint,
  WebhookEndpointPage,
  WebhookEvent,
  WebhookEventPage,
} from '../openapi.ts'
import type { QueryOf } from '../operation.ts'
import { entriesOf } from './pages.ts'

const ENDPOINT = '/webhook-endpoints/{endpoint_id}'

/** Endpoints of webhooks. A POST to them is repeated only after 429: a second one would be a second endpoint or secret. */
export class WebhookEndpoints {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Creates an endpoint; only this response shows its secret. */
  create(request: CreateWebhookEndpoint, options?: RequestOptions): Promise<CreatedWebhookEndpoint> {
    return this.#http.read({ method: 'post', path: '/webhook-endpoints', body: request }, options)
  }

  /** Reads an endpoint. */
  get(id: string, options?: RequestOptions): Promise<WebhookEndpoint> {
    return this.#http.read({ method: 'get', path: ENDPOINT, id }, options)
  }

  /** Reads one page of endpoints. */
  list(query?: QueryOf<'/webhook-endpoints'>, options?: RequestOptions): Promise<WebhookEndpointPage> {
    return this.#http.read({ method: 'get', path: '/webhook-endpoints', query }, options)
  }

  /** Iterates over all endpoints. */
  listAll(options?: RequestOptions): AsyncGenerator<WebhookEndpoint, void, undefined> {
    return entriesOf((cursor) => this.list(cursor, options))
  }

  /** Changes, disables or enables an endpoint. */
  update(id: string, request: UpdateWebhookEndpoint, options?: RequestOptions): Promise<WebhookEndpoint> {
    return this.#http.read({ method: 'patch', path: ENDPOINT, id, body: request }, options)
  }

  /** Deletes an endpoint. */
  delete(id: string, options?: RequestOptions): Promise<void> {
    return this.#http.read({ method: 'delete', path: ENDPOINT, id }, options)
  }

  /** Gives an endpoint a new secret. */
  rotateSecret(id: string, request: RotateSecret = {}, options?: RequestOptions): Promise<RotatedSecret> {
    return this.#http.read({ method: 'post', path: `${ENDPOINT}/rotate-secret`, id, body: request }, options)
  }

  /** Sends a test event to an endpoint. */
  test(id: string, options?: RequestOptions): Promise<WebhookDelivery> {
    return this.#http.read({ method: 'post', path: `${ENDPOINT}/test`, id }, options)
  }

  /** Reads one page of the deliveries to an endpoint, newest first. */
  deliveries(
    id: string,
    query?: QueryOf<`${typeof ENDPOINT}/deliveries`>,
    options?: RequestOptions,
  ): Promise<WebhookDeliveryPage> {
    return this.#http.read({ method: 'get', path: `${ENDPOINT}/deliveries`, id, query }, options)
  }

  /** Iterates over all deliveries to an endpoint, newest first. */
  allDeliveries(
    id: string,
    query?: QueryOf<`${typeof ENDPOINT}/deliveries`>,
    options?: RequestOptions,
  ): AsyncGenerator<WebhookDelivery, void, undefined> {
    return entriesOf((cursor) => this.deliveries(id, { ...query, ...cursor }, options))
  }

  /** Sends the deliveries of a period again. */
  redeliver(id: string, request: RedeliverRange = {}, options?: RequestOptions): Promise<Redelivered> {
    return this.#http.read({ method: 'post', path: `${ENDPOINT}/redeliver`, id, body: request }, options)
  }
}

/** Events that were sent, or will be. */
export class WebhookEvents {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Reads an event. */
  get(id: string, options?: RequestOptions): Promise<WebhookEvent> {
    return this.#http.read({ method: 'get', path: '/webhook-events/{event_id}', id }, options)
  }

  /** Reads one page of events. */
  list(query?: QueryOf<'/webhook-events'>, options?: RequestOptions): Promise<WebhookEventPage> {
    return this.#http.read({ method: 'get', path: '/webhook-events', query }, options)
  }

  /** Iterates over all events. */
  listAll(
    query?: QueryOf<'/webhook-events'>,
    options?: RequestOptions,
  ): AsyncGenerator<WebhookEvent, void, undefined> {
    return entriesOf((cursor) => this.list({ ...query, ...cursor }, options))
  }

  /** Lists the deliveries of an event, one for each endpoint. */
  deliveries(id: string, options?: RequestOptions): Promise<WebhookDeliveryList> {
    return this.#http.read({ method: 'get', path: '/webhook-events/{event_id}/deliveries', id }, options)
  }

  /** Sends an event again, to all its endpoints or one. */
  redeliver(id: string, request: RedeliverEvent = {}, options?: RequestOptions): Promise<Redelivered> {
    const path = '/webhook-events/{event_id}/redeliver'
    return this.#http.read({ method: 'post', path, id, body: request }, options)
  }
}

/** Deliveries of events to endpoints. */
export class WebhookDeliveries {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Reads a delivery and its attempts. */
  get(id: string, options?: RequestOptions): Promise<WebhookDeliveryWithHistory> {
    return this.#http.read({ method: 'get', path: '/webhook-deliveries/{delivery_id}', id }, options)
  }

  /** Sends a delivery again. */
  redeliver(id: string, options?: RequestOptions): Promise<Redelivered> {
    return this.#http.read(
      { method: 'post', path: '/webhook-deliveries/{delivery_id}/redeliver', id },
      options,
    )
  }
}
