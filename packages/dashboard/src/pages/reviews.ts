import { html } from 'hono/html'
import type { ParkedPayment } from '../reads/reads.ts'
import { formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { ago, card, emptyState, partOf, paymentLink, prose, table, type Html } from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import type { Reading } from '../reads/reads.ts'
import { accountColumn } from './accounts.ts'
import { BREAK_WORDS } from './resolve.ts'

/** Renders the payments that wait for a decision. */
export function reviewsPage(parked: Reading<ParkedPayment[]>, viewer: Viewer): Html {
  return html`<h1>Reviews</h1>
    <p class="lead">
      Payments whose outcome could not be determined. No worker touches them until an operator decides.
    </p>
    <div id="list" data-live>
      ${partOf(parked, 'The reviews', 'PostgreSQL does not respond.', (rows) =>
        card('Longest waiting first', reviewTable(rows, viewer)),
      )}
    </div>`
}

function reviewTable(rows: readonly ParkedPayment[], viewer: Viewer): Html {
  return table({
    caption: 'Payments in review',
    rows,
    rowId: ({ id }) => id,
    empty: emptyState(
      'Nothing waits for a decision',
      'Every payment has a definite outcome, or is on its way to one.',
    ),
    columns: [
      { title: 'Payment', cell: ({ id }) => paymentLink(id) },
      accountColumn(rows, viewer, 'payments'),
      { title: 'Booked', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      { title: 'Charged', isNumber: true, cell: chargedOf },
      { title: 'Why', cell: (payment) => prose(whyOf(payment)) },
      { title: 'Gateway', cell: ({ gateway }) => gateway ?? '–' },
      { title: 'Attempt', isNumber: true, cell: ({ attemptNo }) => attemptNo },
      { title: 'Waiting since', cell: ({ parkedAt }) => ago(parkedAt) },
      {
        title: 'Decide',
        cell: ({ id }) => html`<a class="button" href="${pathTo(['payments', id])}">Open</a>`,
      },
    ],
  })
}

function chargedOf({ chargedAmount, chargedCurrency, currency }: ParkedPayment): string {
  return chargedAmount === null ? '–' : formatMoney(chargedAmount, chargedCurrency ?? currency)
}

function whyOf({ breakKind, charge, reason }: ParkedPayment): string {
  const kind = breakKind && BREAK_WORDS[breakKind]
  const named = kind && charge ? `${kind}: ${charge}` : kind
  return [named, reason].filter(Boolean).join('; ')
}
