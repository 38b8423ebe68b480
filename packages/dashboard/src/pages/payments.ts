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
import { accountColumn, accountField, accountText } from './accounts.ts'
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
const text = v.optional(v.pipe(v.string(), v.trim(), v.maxLength(255)), '')
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
  /** The beginning of the reference. */
  reference: text,
  /** A pair of the metadata, exactly. */
  metadata: v.optional(v.pipe(v.string(), v.regex(/^(?:[^=]{1,40}=.{1,500})?$/)), ''),
  /** The gateway's id of the charge. */
  charge: text,
  account: accountText,
  /** The last payment of the page before. */
  after: v.optional(v.pipe(v.string(), v.regex(/^(pay_\w{1,64})?$/)), ''),
})

type PaymentSearch = v.InferOutput<typeof paymentSearch>

/** The page of the store that a search asks for. */
export function filterOf(search: PaymentSearch): ListFilter {
  const { q, status, min, max, from, to, after, account, reference, metadata, charge } = search
  return {
    limit: PAGE_ROWS,
    idempotencyKey: q || undefined,
    account: account || undefined,
    reference: reference || undefined,
    metadata: pairOf(metadata),
    gatewayRef: charge || undefined,
    needsReview: status === 'REVIEW' || undefined,
    status: status === 'REVIEW' || status === '' ? undefined : status,
    minAmount: given(min, Number),
    maxAmount: given(max, Number),
    createdAfter: given(from, inUtc),
    createdBefore: given(to, inUtc),
    after: after || undefined,
  }
}

function given<Value>(text: string, read: (text: string) => Value): Value | undefined {
  return text === '' ? undefined : read(text)
}

function inUtc(text: string): Date {
  return new Date(`${text}Z`)
}

function pairOf(pair: string): ListFilter['metadata'] {
  const at = pair.indexOf('=')
  return at === -1 ? undefined : { [pair.slice(0, at)]: pair.slice(at + 1) }
}

/** Whether a search is by what only viewers with the right to details see: its results would tell it. */
export function isByDetails({ reference, metadata, charge }: PaymentSearch): boolean {
  return [reference, metadata, charge].some((given) => given !== '')
}

/** A search that may read much is not repeated every two seconds. */
function isCheap(search: PaymentSearch): boolean {
  const { min, max, status, q, after } = search
  if (isByDetails(search)) return false
  return min === '' && max === '' && after === '' && (q !== '' || status !== 'SUCCESS')
}

/** Renders the list of payments with its search. */
export function paymentsPage(search: PaymentSearch, found: Reading<PaymentPage>, viewer: Viewer): Html {
  const isFiltered = Object.entries(search).some(([name, value]) => name !== 'after' && value !== '')
  const why = 'The search took too long or PostgreSQL does not respond. Narrow it by time or status.'
  const payments = 'value' in found ? found.value.payments : []
  const fields = [...fieldsOf(search, viewer), ...accountField(search, payments, viewer)]
  return html`<h1>Payments</h1>
    ${searchForm(pathTo(['payments']), 'Search', fields, isFiltered && pathTo(['payments']))}
    <div id="list" ${isCheap(search) && 'data-live'}>
      ${partOf(found, 'The list', why, (page) =>
        card('Newest first', html`${paymentTable(page, isFiltered, viewer)}${pagerOf(search, page)}`),
      )}
    </div>`
}

function fieldsOf(search: PaymentSearch, { seesDetails }: Viewer): Html[] {
  const { q, status, min, max, from, to } = search
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
    ...(seesDetails ? detailFieldsOf(search) : []),
  ]
}

function detailFieldsOf({ reference, metadata, charge }: PaymentSearch): Html[] {
  const wide = { isWide: true }
  const common = { type: 'search', maxlength: 255, autocomplete: 'off' }
  const pair = { ...common, maxlength: 541, pattern: '[^=]{1,40}=.{1,500}', placeholder: 'cart=17' }
  return [
    field(
      'Reference',
      { name: 'reference', value: reference, ...common, placeholder: 'its beginning' },
      wide,
    ),
    field('Metadata', { name: 'metadata', value: metadata, ...pair }, wide),
    field('Gateway’s id', { name: 'charge', value: charge, ...common, placeholder: 'of the charge' }, wide),
  ]
}

function paymentTable({ payments, next }: PaymentPage, isFiltered: boolean, viewer: Viewer): Html {
  const hasReferences = payments.some(({ details }) => typeof details?.reference === 'string')
  return table({
    caption: 'Payments',
    rows: payments,
    rowId: ({ id }) => id,
    empty: emptyList(isFiltered, next),
    columns: [
      { title: 'Payment', cell: ({ id }) => paymentLink(id) },
      accountColumn(payments, viewer, 'payments'),
      { title: 'Status', cell: statusOf },
      { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      viewer.seesDetails && {
        title: 'Idempotency key',
        cell: ({ idempotencyKey }) => clipped(idempotencyKey),
      },
      viewer.seesDetails &&
        hasReferences && { title: 'Reference', cell: ({ details }) => clipped(details?.reference ?? '–') },
      { title: 'Attempts', isNumber: true, cell: ({ attemptNo }) => attemptNo },
      { title: 'Created', cell: ({ createdAt }) => ago(createdAt) },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
    ],
  })
}

function clipped(text: string): Html {
  return html`<span class="mono clip" title="${text}">${text}</span>`
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
export function statusOf({ status, needsReview, unknownSince, waitsFor, disputeStatus }: Payment): Html {
  const hidden = needsReview ? 'REVIEW' : unknownSince === null ? waitsFor && WAITS[waitsFor] : 'UNKNOWN'
  return html`${chip(status)} ${hidden && chip(hidden)} ${disputeStatus != null && chip('DISPUTED')}`
}

function pagerOf(search: PaymentSearch, { next }: PaymentPage): Content {
  const to = (after: string): string => pathTo(['payments'], { ...search, after })
  return pager(search.after !== '' && ['Newest', to('')], next !== undefined && ['Older', to(next)])
}
