import { Http, type RequestOptions, type TitanClientOptions } from './http.ts'
import type { AcceptedPayment, PayRequest } from './openapi.ts'
import { create, type Stored } from './resources/create.ts'
import { Captures, Refunds, Voids } from './resources/movements.ts'
import { Payments } from './resources/payments.ts'
import { WebhookDeliveries, WebhookEndpoints, WebhookEvents } from './resources/webhooks.ts'

/**
 * A client of the payment API. Members of requests and responses have the names of the API's document. A request that
 * got no decision is repeated, if a second one changes nothing: after a failed connection, a timeout, 408, 429, 5xx and 409
 * `request-in-flight`. Everything else rejects at once.
 */
export class TitanClient {
  readonly payments: Payments
  readonly refunds: Refunds
  readonly captures: Captures
  readonly voids: Voids
  readonly webhookEndpoints: WebhookEndpoints
  readonly webhookEvents: WebhookEvents
  readonly webhookDeliveries: WebhookDeliveries
  readonly #http: Http

  /** @throws {TitanError} `INVALID_ARGUMENT` */
  constructor(options: TitanClientOptions) {
    const http = new Http(options)
    this.#http = http
    this.payments = new Payments(http)
    this.refunds = new Refunds(http)
    this.captures = new Captures(http)
    this.voids = new Voids(http)
    this.webhookEndpoints = new WebhookEndpoints(http)
    this.webhookEvents = new WebhookEvents(http)
    this.webhookDeliveries = new WebhookDeliveries(http)
  }

  /**
   * Stores a payment, and repeats the request until there is a decision. Without `idempotency_key` it creates a key; with a
   * key of your own, such as the number of an order, a later call after a crash finds the same payment.
   */
  pay(request: PayRequest, options?: RequestOptions): Promise<AcceptedPayment & Stored> {
    return create(this.#http, { path: '/pay' }, request, options)
  }
}

/** Creates a client. @throws {TitanError} `INVALID_ARGUMENT` */
export function createTitanClient(options: TitanClientOptions): TitanClient {
  return new TitanClient(options)
}
