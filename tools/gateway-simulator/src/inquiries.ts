import type { Books } from './books.ts'
import { okAnswer } from './execute.ts'
import type { StoredAnswer } from './ledger-entry.ts'
import type { PaymentIntent } from './payment-intent.ts'
import { invalidRequest, notFound } from './stripe-error.ts'

/** `GET /v1/payment_intents/:id` */
export function retrieve(books: Books, id: string): StoredAnswer {
  const intent = books.intents.get(id)
  return intent === undefined ? notFound(id) : okAnswer(intent)
}

/**
 * `GET /v1/payment_intents/search`: understands `metadata['name']:'value'`, joined by AND. Sees only intents that
 * are older than the lag of the search index.
 */
export function search(books: Books, query: string, before: number): StoredAnswer {
  const conditions = query
    .split(/\s+AND\s+/i)
    .map((part) => /^metadata\[["'](\w+)["']\]:["']([^"']*)["']$/.exec(part.trim()))
  if (conditions.some((condition) => condition === null))
    return invalidRequest('parameter_invalid', 'query', `Cannot understand the query: ${query}`)
  const data = [...books.intents.values()].filter(
    ({ created, metadata }) =>
      created * 1000 <= before &&
      conditions.every((condition) => metadata[condition?.[1] ?? ''] === condition?.[2]),
  )
  return okAnswer({
    object: 'search_result',
    url: '/v1/payment_intents/search',
    has_more: false,
    next_page: null,
    data: newestFirst(data),
  })
}

/** `GET /v1/payment_intents`: the newest, and by our own reference when `metadata[payment_id]` is given. */
export function list(books: Books, parameters: URLSearchParams): StoredAnswer {
  const reference = parameters.get('metadata[payment_id]')
  const limit = Math.min(100, Math.max(1, Number(parameters.get('limit') ?? 10) || 10))
  const all = newestFirst([...books.intents.values()]).filter(
    ({ metadata }) => reference === null || metadata['payment_id'] === reference,
  )
  const data = all.slice(0, limit)
  return okAnswer({ object: 'list', url: '/v1/payment_intents', has_more: all.length > data.length, data })
}

function newestFirst(intents: readonly PaymentIntent[]): PaymentIntent[] {
  return [...intents].toReversed()
}
