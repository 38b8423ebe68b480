import type { Http, RequestOptions } from '../http.ts'
import type { Capture, Refund, RefundList, RefundPage, Void } from '../openapi.ts'
import type { QueryOf } from '../operation.ts'
import { entriesOf } from './pages.ts'
import { untilEnded, type WaitOptions } from './wait.ts'

/** Refunds. `payments.refund` creates one. */
export class Refunds {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Reads a refund. */
  get(id: string, options?: RequestOptions): Promise<Refund> {
    return this.#http.read({ method: 'get', path: '/refunds/{refund_id}', id }, options)
  }

  /** Waits until a refund is SUCCESS or FAILED. */
  waitForEnd(id: string, options?: WaitOptions): Promise<Refund> {
    const call = { method: 'get', path: '/refunds/{refund_id}', id } as const
    return untilEnded((each) => this.#http.send(call, each), options)
  }

  /** Lists the refunds of a payment, oldest first. */
  listOf(paymentId: string, options?: RequestOptions): Promise<RefundList> {
    return this.#http.read({ method: 'get', path: '/payments/{payment_id}/refunds', id: paymentId }, options)
  }

  /** Reads one page of refunds, newest first. */
  list(query?: QueryOf<'/refunds'>, options?: RequestOptions): Promise<RefundPage> {
    return this.#http.read({ method: 'get', path: '/refunds', query }, options)
  }

  /** Iterates over all refunds, newest first. */
  listAll(query?: QueryOf<'/refunds'>, options?: RequestOptions): AsyncGenerator<Refund, void, undefined> {
    return entriesOf((cursor) => this.list({ ...query, ...cursor }, options))
  }
}

/** Captures. `payments.capture` creates one. */
export class Captures {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Reads a capture. */
  get(id: string, options?: RequestOptions): Promise<Capture> {
    return this.#http.read({ method: 'get', path: '/captures/{capture_id}', id }, options)
  }

  /** Waits until a capture is SUCCESS or FAILED. */
  waitForEnd(id: string, options?: WaitOptions): Promise<Capture> {
    const call = { method: 'get', path: '/captures/{capture_id}', id } as const
    return untilEnded((each) => this.#http.send(call, each), options)
  }
}

/** Voids. `payments.void` creates one. */
export class Voids {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Reads a void. */
  get(id: string, options?: RequestOptions): Promise<Void> {
    return this.#http.read({ method: 'get', path: '/voids/{void_id}', id }, options)
  }

  /** Waits until a void is SUCCESS or FAILED. */
  waitForEnd(id: string, options?: WaitOptions): Promise<Void> {
    const call = { method: 'get', path: '/voids/{void_id}', id } as const
    return untilEnded((each) => this.#http.send(call, each), options)
  }
}
