import {
  PAYMENT_STATUSES,
  type ListFilter,
  type Payment,
  type PaymentPage,
  type PaymentStatus,
} from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import { options } from '../markup/forms.ts'
import { formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import {
  ago,
  card,
  chip,
  emptyState,
  failedPart,
  paymentLink,
  table,
  type Column,
  type Html,
} from '../markup/parts.ts'
import { pathTo } from '../paths.ts'
import { PAGE_ROWS, type Reading } from '../reads.ts'

const word = v.optional(v.pipe(v.string(), v.trim(), v.maxLength(300)), '')
const amount = v.optional(v.pipe(v.string(), v.trim(), v.regex(/^\d{0,15}$/)), '')
const timestamp = v.optional(
  v.pipe(
    v.string(),
    v.trim(),
    v.check((text) => text === '' || !Number.isNaN(Date.parse(`${text}Z`))),
  ),
  '',
)

/** The search form of the payments; '' is any. */
export interface PaymentSearch {
  /** A payment's id, or an idempotency key. */
  readonly q: string
  readonly status: PaymentStatus | 'REVIEW' | ''
  /** Minor units. */
  readonly min: string
  readonly max: string
  /** Without a zone: UTC. */
  readonly from: string
  readonly to: string
  /** The last payment of the page before. */
  readonly after: string
}

/** Reads the search from the query. */
export const paymentSearch: v.GenericSchema<unknown, PaymentSearch> = v.object({
  q: word,
  status: v.optional(v.picklist(['', ...PAYMENT_STATUSES, 'REVIEW']), ''),
  min: amount,
  max: amount,
  from: timestamp,
  to: timestamp,
  after: v.optional(v.pipe(v.string(), v.regex(/^(pay_\w{1,64})?$/)), ''),
})

/** The page of the store that a search asks for. */
export function filterOf({ q, status, min, max, from, to, after }: PaymentSearch): ListFilter {
  return {
    limit: PAGE_ROWS,
    idempotencyKey: q || undefined,
    needsReview: status === 'REVIEW' || undefined,
    status: status === 'REVIEW' || status === '' ? undefined : status,
    minAmount: min === '' ? undefined : Number(min),
    maxAmount: max === '' ? undefined : Number(max),
    // The form's times are in UTC, like all times that are shown.
    createdAfter: from === '' ? undefined : new Date(`${from}Z`),
    createdBefore: to === '' ? undefined : new Date(`${to}Z`),
    after: after || undefined,
  }
}

/** A search that may read much is not repeated every two seconds. */
export function isCheap({ min, max, status, q, after }: PaymentSearch): boolean {
  return min === '' && max === '' && after === '' && (q !== '' || status !== 'SUCCESS')
}

/** The list of payments with its search. */
export function paymentsPage(search: PaymentSearch, found: Reading<PaymentPage>, viewer: Viewer): Html {
  const isFiltered = Object.entries(search).some(([name, value]) => name !== 'after' && value !== '')
  return html`<h1>Payments</h1>
    ${searchForm(search, isFiltered)}
    <div id="list" ${isCheap(search) ? 'data-live' : ''}>
      ${
        'error' in found
          ? failedPart(
              'The list',
              'The search took too long or PostgreSQL does not respond. Narrow it by time or status.',
            )
          : card(
              'Newest first',
              html`${paymentTable(found.value, isFiltered, viewer)}${pager(search, found.value)}`,
            )
      }
    </div>`
}

function searchForm(search: PaymentSearch, isFiltered: boolean): Html {
  const { q, status, min, max, from, to } = search
  const statuses = [
    ['', 'Any status'],
    ['PENDING', 'Pending'],
    ['QUEUED', 'Queued'],
    ['PROCESSING', 'Processing'],
    ['SUCCESS', 'Success'],
    ['FAILED', 'Failed'],
    ['REVIEW', 'In review'],
  ] as const
  return html`<form class="card filters" role="search" action="${pathTo(['payments'])}">
    <label class="wide"
      >Payment id or idempotency key
      <input
        type="search"
        name="q"
        value="${q}"
        placeholder="pay_… or the exact key"
        autocomplete="off"
        spellcheck="false"
        maxlength="300"
      />
    </label>
    <label
      >Status<select name="status">
        ${options(statuses, status)}
      </select></label
    >
    <label
      >Amount from<input
        name="min"
        value="${min}"
        inputmode="numeric"
        pattern="[0-9]{0,15}"
        placeholder="minor units"
    /></label>
    <label
      >Amount to<input
        name="max"
        value="${max}"
        inputmode="numeric"
        pattern="[0-9]{0,15}"
        placeholder="minor units"
    /></label>
    <label>Created from (UTC)<input type="datetime-local" name="from" value="${from}" /></label>
    <label>Created before (UTC)<input type="datetime-local" name="to" value="${to}" /></label>
    <div class="actions">
      <button class="button primary">Search</button>
      ${isFiltered ? html`<a class="button" href="${pathTo(['payments'])}">Clear</a>` : ''}
    </div>
  </form>`
}

function paymentTable({ payments, next }: PaymentPage, isFiltered: boolean, viewer: Viewer): Html {
  const keyColumn: Column<Payment> = {
    title: 'Idempotency key',
    cell: ({ idempotencyKey }) =>
      html`<span class="mono clip" title="${idempotencyKey}">${idempotencyKey}</span>`,
  }
  return table({
    caption: 'Payments',
    rows: payments,
    rowId: ({ id }) => id,
    empty: isFiltered
      ? emptyState(
          next === undefined ? 'No payment matches' : 'No payment of this page matches',
          next === undefined
            ? 'Keys match exactly, with case. Widen the search, or clear it.'
            : 'A page examines a limited number of payments. Older continues the search; times narrow it.',
        )
      : emptyState('No payments yet', 'They appear here as soon as the API accepts the first one.'),
    columns: [
      { title: 'Payment', cell: ({ id }) => paymentLink(id) },
      { title: 'Status', cell: statusOf },
      { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      ...(viewer.seesDetails ? [keyColumn] : []),
      { title: 'Attempts', isNumber: true, cell: ({ attemptNo }) => attemptNo },
      { title: 'Created', cell: ({ createdAt }) => ago(createdAt) },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
    ],
  })
}

/** The status, and what it hides. */
export function statusOf({ status, needsReview, unknownSince }: Payment): Html {
  if (needsReview) return html`${chip(status)} ${chip('REVIEW')}`
  return unknownSince === null ? chip(status) : html`${chip(status)} ${chip('UNKNOWN')}`
}

function pager(search: PaymentSearch, { next }: PaymentPage): Html | string {
  if (next === undefined && search.after === '') return ''
  return html`<nav class="pager" aria-label="Pages of the list">
    ${search.after === '' ? '' : html`<a class="button" href="${pathTo(['payments'], { ...search, after: '' })}">Newest</a>`}
    ${next === undefined ? '' : html`<a class="button" rel="next" href="${pathTo(['payments'], { ...search, after: next })}">Older</a>`}
  </nav>`
}
