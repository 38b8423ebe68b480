import { PAYMENT_STATUSES, type ListFilter, type Payment, type PaymentPage } from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import { field, searchForm, select } from '../markup/forms.ts'
import { formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import {
  ago,
  card,
  chip,
  emptyState,
  pager,
  partOf,
  paymentLink,
  table,
  wordsOf,
  type Content,
  type Html,
} from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import { PAGE_ROWS, type Reading } from '../reads/reads.ts'

/** Minor units. */
const amount = v.optional(v.pipe(v.string(), v.trim(), v.regex(/^\d{0,15}$/)), '')
/** Without a zone: UTC, like all times that are shown. */
const timestamp = v.optional(
  v.pipe(
    v.string(),
    v.trim(),
    v.check((text) => text === '' || !Number.isNaN(Date.parse(`${text}Z`))),
  ),
  '',
)
const CHOICES = [...PAYMENT_STATUSES, 'REVIEW'] as const

/** Reads the search from the query; '' is any. */
export const paymentSearch = v.object({
  /** An id of a payment or movement, or an idempotency key. */
  q: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(300)), ''),
  status: v.optional(v.picklist(['', ...CHOICES]), ''),
  min: amount,
  max: amount,
  from: timestamp,
  to: timestamp,
  /** The last payment of the page before. */
  after: v.optional(v.pipe(v.string(), v.regex(/^(pay_\w{1,64})?$/)), ''),
})

type PaymentSearch = v.InferOutput<typeof paymentSearch>

/** The page of the store that a search asks for. */
export function filterOf({ q, status, min, max, from, to, after }: PaymentSearch): ListFilter {
  return {
    limit: PAGE_ROWS,
    idempotencyKey: q || undefined,
    needsReview: status === 'REVIEW' || undefined,
    status: status === 'REVIEW' || status === '' ? undefined : status,
    minAmount: min === '' ? undefined : Number(min),
    maxAmount: max === '' ? undefined : Number(max),
    createdAfter: from === '' ? undefined : new Date(`${from}Z`),
    createdBefore: to === '' ? undefined : new Date(`${to}Z`),
    after: after || undefined,
  }
}

/** A search that may read much is not repeated every two seconds. */
function isCheap({ min, max, status, q, after }: PaymentSearch): boolean {
  return min === '' && max === '' && after === '' && (q !== '' || status !== 'SUCCESS')
}

/** Renders the list of payments with its search. */
export function paymentsPage(search: PaymentSearch, found: Reading<PaymentPage>, viewer: Viewer): Html {
  const isFiltered = Object.entries(search).some(([name, value]) => name !== 'after' && value !== '')
  const why = 'The search took too long or PostgreSQL does not respond. Narrow it by time or status.'
  return html`<h1>Payments</h1>
    ${searchForm(pathTo(['payments']), 'Search', fieldsOf(search), isFiltered && pathTo(['payments']))}
    <div id="list" ${isCheap(search) && 'data-live'}>
      ${partOf(found, 'The list', why, (page) =>
        card('Newest first', html`${paymentTable(page, isFiltered, viewer)}${pagerOf(search, page)}`),
      )}
    </div>`
}

function fieldsOf({ q, status, min, max, from, to }: PaymentSearch): Html[] {
  const statuses = CHOICES.map((choice) => [choice, wordsOf(choice)] as const)
  const minorUnits = { inputmode: 'numeric', pattern: '[0-9]{0,15}', placeholder: 'minor units' }
  const wide = { isWide: true }
  const key = { type: 'search', maxlength: 300, placeholder: 'pay_… or the exact key', autocomplete: 'off' }
  return [
    field('Payment id or idempotency key', { name: 'q', value: q, ...key }, wide),
    select('Status', 'status', [['', 'Any status'], ...statuses], status),
    field('Amount from', { name: 'min', value: min, ...minorUnits }),
    field('Amount to', { name: 'max', value: max, ...minorUnits }),
    field('Created from (UTC)', { name: 'from', value: from, type: 'datetime-local' }, wide),
    field('Created before (UTC)', { name: 'to', value: to, type: 'datetime-local' }, wide),
  ]
}

function paymentTable({ payments, next }: PaymentPage, isFiltered: boolean, viewer: Viewer): Html {
  return table({
    caption: 'Payments',
    rows: payments,
    rowId: ({ id }) => id,
    empty: emptyList(isFiltered, next),
    columns: [
      { title: 'Payment', cell: ({ id }) => paymentLink(id) },
      { title: 'Status', cell: statusOf },
      { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      viewer.seesDetails && {
        title: 'Idempotency key',
        cell: ({ idempotencyKey: key }) => html`<span class="mono clip" title="${key}">${key}</span>`,
      },
      { title: 'Attempts', isNumber: true, cell: ({ attemptNo }) => attemptNo },
      { title: 'Created', cell: ({ createdAt }) => ago(createdAt) },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
    ],
  })
}

function emptyList(isFiltered: boolean, next: string | undefined): Html {
  if (!isFiltered)
    return emptyState('No payments yet', 'They appear here as soon as the API accepts the first one.')
  if (next === undefined)
    return emptyState('No payment matches', 'Keys match exactly, with case. Widen the search, or clear it.')
  return emptyState(
    'No payment of this page matches',
    'A page examines a limited number of payments. Older continues the search; times narrow it.',
  )
}

/** What a payment waits for without a worker. */
const WAITS = { capture: 'AUTHORIZED', customer: 'AWAITING_CUSTOMER', gateway: 'AWAITING_GATEWAY' } as const

/** Renders the status, and what it hides. */
export function statusOf({ status, needsReview, unknownSince, waitsFor }: Payment): Html {
  const hidden = needsReview ? 'REVIEW' : unknownSince === null ? waitsFor && WAITS[waitsFor] : 'UNKNOWN'
  return html`${chip(status)} ${hidden && chip(hidden)}`
}

function pagerOf(search: PaymentSearch, { next }: PaymentPage): Content {
  const to = (after: string): string => pathTo(['payments'], { ...search, after })
  return pager(search.after !== '' && ['Newest', to('')], next !== undefined && ['Older', to(next)])
}
