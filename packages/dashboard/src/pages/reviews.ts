import { html } from 'hono/html'
import { formatMoney } from '../markup/format.ts'
import { ago, card, emptyState, failedPart, paymentLink, table, type Html } from '../markup/parts.ts'
import type { Viewer } from '../markup/layout.ts'
import { pathTo } from '../paths.ts'
import type { Reading } from '../reads.ts'
import type { ParkedPayment } from '../leases.ts'
import { BREAK_WORDS } from './resolve.ts'

/** Renders the payments that wait for a decision. */
export function reviewsPage(parked: Reading<ParkedPayment[]>, viewer: Viewer): Html {
  return html`<h1>Reviews</h1>
    <p class="lead">
      Payments whose outcome could not be determined. No worker touches them until an operator decides.
    </p>
    <div id="list" data-live>
      ${'error' in parked ? failedPart('The reviews', 'PostgreSQL does not respond.') : card('Longest waiting first', reviewTable(parked.value, viewer))}
    </div>`
}

function reviewTable(parked: readonly ParkedPayment[], viewer: Viewer): Html {
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
      { title: 'Booked', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      { title: 'Charged', isNumber: true, cell: chargedOf },
      { title: 'Why', cell: (payment) => html`<span class="break">${whyOf(payment, viewer)}</span>` },
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

function whyOf({ breakKind, charge, reason }: ParkedPayment, { seesDetails }: Viewer): string {
  const kind = breakKind === null ? undefined : BREAK_WORDS[breakKind]
  const named = kind !== undefined && charge !== null && seesDetails ? `${kind}: ${charge}` : kind
  return [named, reason].filter((part) => part !== undefined && part !== null).join('; ') || '–'
}
