import { PAYMENT_STATUSES, type MovementFilter, type MovementPage } from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import { field, searchForm, select } from '../markup/forms.ts'
import { formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import {
  ago,
  card,
  emptyState,
  pager,
  partOf,
  paymentLink,
  prose,
  table,
  wordsOf,
  type Content,
  type Html,
} from '../markup/parts.ts'
import { PAGE_ROWS, type Reading } from '../reads/reads.ts'
import { pathTo } from '../web/paths.ts'
import { accountColumn, accountField, accountText } from './accounts.ts'
import { movementStatus } from './movements.ts'

/** Reads the search from the query; '' is any. */
export const refundSearch = v.object({
  payment: v.optional(v.pipe(v.string(), v.trim(), v.regex(/^(pay_\w{1,64})?$/)), ''),
  status: v.optional(v.picklist(['', ...PAYMENT_STATUSES]), ''),
  account: accountText,
  /** The last refund of the page before. */
  after: v.optional(v.pipe(v.string(), v.regex(/^(ref_\w{1,64})?$/)), ''),
})

type RefundSearch = v.InferOutput<typeof refundSearch>

/** The page of the store that a search asks for. */
export function refundFilterOf({ payment, status, account, after }: RefundSearch): MovementFilter {
  return {
    kind: 'refund',
    limit: PAGE_ROWS,
    paymentId: payment || undefined,
    account: account || undefined,
    status: status === '' ? undefined : status,
    after: after || undefined,
  }
}

/** Renders the list of refunds with its search. */
export function refundsPage(search: RefundSearch, found: Reading<MovementPage>, viewer: Viewer): Html {
  const isFiltered = [search.payment, search.status, search.account].some((given) => given !== '')
  const movements = 'value' in found ? found.value.movements : []
  const fields = [
    field(
      'Payment id',
      { name: 'payment', value: search.payment, type: 'search', placeholder: 'pay_…', autocomplete: 'off' },
      { isWide: true },
    ),
    select(
      'Status',
      'status',
      [['', 'Any status'], ...PAYMENT_STATUSES.map((status) => [status, wordsOf(status)] as const)],
      search.status,
    ),
    ...accountField(search, movements, viewer),
  ]
  return html`<h1>Refunds</h1>
    ${searchForm(pathTo(['refunds']), 'Search', fields, isFiltered && pathTo(['refunds']))}
    <div id="list" ${search.after === '' && 'data-live'}>
      ${partOf(found, 'The list', 'PostgreSQL does not respond.', (page) =>
        card('Newest first', html`${refundTable(page, isFiltered, viewer)}${pagerOf(search, page)}`),
      )}
    </div>`
}

function refundTable({ movements, next }: MovementPage, isFiltered: boolean, viewer: Viewer): Html {
  return table({
    caption: 'Refunds',
    rows: movements,
    rowId: ({ id }) => id,
    empty: emptyList(isFiltered, next),
    columns: [
      { title: 'Refund', cell: ({ id }) => paymentLink(id) },
      accountColumn(movements, viewer, 'refunds'),
      { title: 'Status', cell: movementStatus },
      { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      { title: 'Payment', cell: ({ paymentId }) => paymentLink(paymentId) },
      viewer.seesDetails && { title: 'Reason', cell: ({ reason }) => prose(reason) },
      { title: 'Failure', cell: ({ failureCode }) => failureCode ?? '–' },
      { title: 'Created', cell: ({ createdAt }) => ago(createdAt) },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
    ],
  })
}

function emptyList(isFiltered: boolean, next: string | undefined): Html {
  if (next !== undefined)
    return emptyState(
      'No refund of this page matches',
      'A page examines a limited number. Older continues the search.',
    )
  if (isFiltered) return emptyState('No refund matches', 'Widen the search, or clear it.')
  return emptyState(
    'No refunds yet',
    'A payment that is SUCCESS can be refunded on its page or over the API.',
  )
}

function pagerOf(search: RefundSearch, { next }: MovementPage): Content {
  const to = (after: string): string => pathTo(['refunds'], { ...search, after })
  return pager(search.after !== '' && ['Newest', to('')], next !== undefined && ['Older', to(next)])
}
