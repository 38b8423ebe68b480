import type { StoredAnswer } from './ledger-entry.ts'
import type { Ledger } from './ledger.ts'
import type { PaymentIntent } from './payment-intent.ts'
import { errorAnswer, invalidRequest } from './stripe-error.ts'

/** `GET /v1/payment_intents/:id` */
export function retrieve({ intents }: Ledger, id: string): StoredAnswer {
  const intent = intents.get(id)
  if (intent !== undefined) return okAnswer(intent)
  const message = `No such payment_intent: '${id}'`
  const code = 'resource_missing'
  return errorAnswer(404, { type: 'invalid_request_error', code, param: 'intent', message })
}

/**
 * `GET /v1/payment_intents/search`: understands `metadata['name']:'value'`, joined by AND. Sees only intents that
 * are older than the lag of the search index.
 */
export function search(ledger: Ledger, query: string, before: number): StoredAnswer {
  const conditions = query
    .split(/\s+AND\s+/i)
    .map((part) => /^metadata\[["'](\w+)["']\]:["']([^"']*)["']$/.exec(part.trim()))
  if (conditions.includes(null))
    return invalidRequest('parameter_invalid', 'query', `Cannot understand the query: ${query}`)
  const data = newestFirst(ledger).filter(
    ({ created, metadata }) =>
      created * 1000 <= before &&
      conditions.every((condition) => metadata[condition?.[1] ?? ''] === condition?.[2]),
  )
  const url = '/v1/payment_intents/search'
  return okAnswer({ object: 'search_result', url, has_more: false, next_page: null, data })
}

/** `GET /v1/payment_intents`: the newest, and by our own reference when `metadata[payment_id]` is given. */
export function list(ledger: Ledger, parameters: URLSearchParams): StoredAnswer {
  const reference = parameters.get('metadata[payment_id]')
  const limit = Math.min(100, Math.max(1, Number(parameters.get('limit') ?? 10) || 10))
  const all = newestFirst(ledger).filter(
    ({ metadata }) => reference === null || metadata['payment_id'] === reference,
  )
  const data = all.slice(0, limit)
  return okAnswer({ object: 'list', url: '/v1/payment_intents', has_more: all.length > data.length, data })
}

function newestFirst({ intents }: Ledger): PaymentIntent[] {
  return [...intents.values()].toReversed()
}

/** A 200 with an object. */
export function okAnswer(body: object): StoredAnswer {
  return { status: 200, body: { ...body } }
}
