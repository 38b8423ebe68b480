import type { Http, RequestOptions } from '../http.ts'
import type {
  AcceptedCapture,
  AcceptedRefund,
  AcceptedVoid,
  ActionResult,
  CaptureRequest,
  DisputeList,
  Payment,
  PaymentEventList,
  PaymentPage,
  PaymentSummary,
  RefundRequest,
  VoidRequest,
} from '../openapi.ts'
import type { QueryOf } from '../operation.ts'
import { create, type Stored } from './create.ts'
import { entriesOf } from './pages.ts'
import { untilEnded, type WaitOptions } from './wait.ts'

/** Payments. `pay` creates one. */
export class Payments {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Reads a payment. */
  get(id: string, options?: RequestOptions): Promise<Payment> {
    return this.#http.read({ method: 'get', path: '/payments/{payment_id}', id }, options)
  }

  /** Lists the disputes about a payment, oldest first. */
  disputes(id: string, options?: RequestOptions): Promise<DisputeList> {
    return this.#http.read({ method: 'get', path: '/payments/{payment_id}/disputes', id }, options)
  }

  /**
   * Waits until a payment is SUCCESS or FAILED. One that waits for a capture, the customer or an operator (`status_detail`)
   * does not end by itself.
   *
   * @throws {TitanError} `WAIT_TIMEOUT`
   */
  waitForEnd(id: string, options?: WaitOptions): Promise<Payment> {
    const call = { method: 'get', path: '/payments/{payment_id}', id } as const
    return untilEnded((each) => this.#http.send(call, each), options)
  }

  /** Reads one page of payments, newest first. */
  list(query?: QueryOf<'/payments'>, options?: RequestOptions): Promise<PaymentPage> {
    return this.#http.read({ method: 'get', path: '/payments', query }, options)
  }

  /** Iterates over all payments, newest first. */
  listAll(query?: QueryOf<'/payments'>, options?: RequestOptions): AsyncGenerator<Payment, void, undefined> {
    return entriesOf((cursor) => this.list({ ...query, ...cursor }, options))
  }

  /** Sums up payments by day or month, currency, status and gateway. A sum above 2^53 - 1 is text. */
  summary(
    query: NonNullable<QueryOf<'/payments/summary'>>,
    options?: RequestOptions,
  ): Promise<PaymentSummary> {
    return this.#http.read({ method: 'get', path: '/payments/summary', query }, options)
  }

  /** Reads the history of a payment. */
  events(id: string, options?: RequestOptions): Promise<PaymentEventList> {
    return this.#http.read({ method: 'get', path: '/payments/{payment_id}/events', id }, options)
  }

  /** Cancels a payment whose processing has not begun. */
  cancel(id: string, options?: RequestOptions): Promise<Payment> {
    const path = '/payments/{payment_id}/cancel'
    return this.#http.read({ method: 'post', path, id, isIdempotent: true }, options)
  }

  /** Hands on what came back with the customer, for gateways such as Adyen; the payment is returned as it is then. */
  completeAction(id: string, request: ActionResult, options?: RequestOptions): Promise<Payment> {
    const path = '/payments/{payment_id}/action'
    return this.#http.read({ method: 'post', path, id, body: request, isIdempotent: true }, options)
  }

  /** Returns all that is left of a payment, or `amount` of it. */
  refund(
    id: string,
    request: RefundRequest = {},
    options?: RequestOptions,
  ): Promise<AcceptedRefund & Stored> {
    return create(this.#http, { path: '/payments/{payment_id}/refunds', id }, request, options)
  }

  /** Captures an authorized payment, or `amount` of it. */
  capture(
    id: string,
    request: CaptureRequest = {},
    options?: RequestOptions,
  ): Promise<AcceptedCapture & Stored> {
    return create(this.#http, { path: '/payments/{payment_id}/capture', id }, request, options)
  }

  /** Releases an authorized payment. */
  void(id: string, request: VoidRequest = {}, options?: RequestOptions): Promise<AcceptedVoid & Stored> {
    return create(this.#http, { path: '/payments/{payment_id}/void', id }, request, options)
  }
}
