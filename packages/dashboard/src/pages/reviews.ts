import { html } from 'hono/html'
import { formatMoney } from '../markup/format.ts'
import { ago, card, emptyState, failedPart, paymentLink, table, type Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'
import type { Reading } from '../reads.ts'
import type { ParkedPayment } from '../statements/leases.ts'

/** The payments that wait for a decision. */
export function reviewsPage(parked: Reading<ParkedPayment[]>): Html {
  return html`<h1>Reviews</h1>
    <p class="lead">
      Payments whose outcome nobody could find out. No worker touches them until somebody who knows decides.
    </p>
    <div id="list" data-live>
      ${'error' in parked ? failedPart('The reviews', 'PostgreSQL does not answer.') : card('Longest waiting first', reviewTable(parked.value))}
    </div>`
}

function reviewTable(parked: readonly ParkedPayment[]): Html {
  return table({
    caption: 'Payments in review',
    rows: parked,
    rowId: ({ id }) => id,
    empty: emptyState(
      'Nothing waits for a decision',
      'Every payment has a definite outcome, or is on its way to one.',
    ),
    columns: [
      { title: 'Payment', cell: ({ id }) => paymentLink(id) },
      { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      { title: 'Why', cell: ({ reason }) => reason ?? '–' },
      { title: 'Gateway', cell: ({ gateway }) => gateway ?? '–' },
      { title: 'Attempt', isNumber: true, cell: ({ attemptNo }) => attemptNo },
      { title: 'Waits since', cell: ({ parkedAt }) => ago(parkedAt) },
      {
        title: 'Decide',
        cell: ({ id }) => html`<a class="button" href="${pathTo(['payments', id])}">Open</a>`,
      },
    ],
  })
}
