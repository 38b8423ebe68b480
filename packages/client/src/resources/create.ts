import { randomUUID } from 'node:crypto'
import { TitanConnectionError } from '../errors.ts'
import type { Http, RequestOptions } from '../http.ts'
import type { Call, ResultOf } from '../operation.ts'

/** The operations that take an idempotency key. */
type CreatingPath =
  | '/pay'
  | '/payments/{payment_id}/refunds'
  | '/payments/{payment_id}/capture'
  | '/payments/{payment_id}/void'

interface WithKey {
  readonly idempotency_key?: string
}

/** What is known about a stored request, apart from what the API responds. */
export interface Stored {
  /** The key that was sent: the request's, or a new one. */
  readonly idempotency_key: string
  /** Whether the key was known, and nothing new was stored. */
  readonly idempotent_replayed: boolean
}

function isStored(data: unknown): boolean {
  return typeof (data as { readonly payment_id?: unknown }).payment_id === 'string'
}

/** Sends a request with an idempotency key, the same in every repeat. */
export async function create<Path extends CreatingPath>(
  http: Http,
  call: { readonly path: Path; readonly id?: string },
  request: WithKey,
  options?: RequestOptions,
): Promise<ResultOf<Path, 'post'> & Stored> {
  const idempotencyKey = request.idempotency_key ?? randomUUID()
  const body = { ...request, idempotency_key: idempotencyKey }
  const whole = { ...call, method: 'post', body, idempotencyKey } as unknown as Call<Path, 'post'>
  const { data, headers } = await http.send(whole, options)
  // Such a response, from the API or a proxy, does not say that a payment is stored.
  if (!isStored(data)) throw new TitanConnectionError('INVALID_RESPONSE', 'The response names no payment')
  const stored: Stored = {
    idempotency_key: idempotencyKey,
    idempotent_replayed: headers.get('idempotent-replayed') === 'true',
  }
  return { ...(data as object), ...stored } as ResultOf<Path, 'post'> & Stored
}
