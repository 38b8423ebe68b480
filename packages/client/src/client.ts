import { Http, type RequestOptions, type TitanClientOptions } from './http.ts'
import type { AcceptedPayment, BatchRequest, BatchResult, PayRequest } from './openapi.ts'
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

  /**
   * Stores up to 500 payments, and repeats the request until there is a decision. Each line needs its `idempotency_key`.
   * `results` has the payment or the problem of each line. A refused batch of mode `all` rejects with `batch-refused`; its
   * results are in `error.problem.results`.
   */
  payBatch(request: BatchRequest, options?: RequestOptions): Promise<BatchResult> {
    const call = { method: 'post', path: '/payments/batch', body: request, isIdempotent: true } as const
    return this.#http.read(call, options)
  }
}

/** Creates a client. @throws {TitanError} `INVALID_ARGUMENT` */
export function createTitanClient(options: TitanClientOptions): TitanClient {
  return new TitanClient(options)
}
