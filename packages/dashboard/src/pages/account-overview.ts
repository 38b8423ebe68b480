import type { WebhookEndpoint } from '@titan/webhooks'
import { html } from 'hono/html'
import type { Viewer } from '../markup/layout.ts'
import { ago, card, emptyState, partOf, prose, table, type Html } from '../markup/parts.ts'
import type { Reading } from '../reads/reads.ts'
import type { PaymentTotals } from '../reads/totals.ts'
import { tiles } from './overview.ts'
import { endpointLink, stateOf } from './webhooks.ts'

/** Renders the first page of an account: its payments by status, and its webhook endpoints. */
export function accountOverviewPage(
  totals: Reading<PaymentTotals>,
  endpoints: Reading<WebhookEndpoint[]>,
  viewer: Viewer,
): Html {
  return html`<h1 class="sr-only">Overview</h1>
    <section id="totals" aria-label="Payments by status" data-live>
      ${partOf(totals, 'The payments', 'PostgreSQL does not respond.', (found) => tiles(found, viewer))}
    </section>
    <div id="webhooks" data-live>
      ${card(
        'Webhook endpoints',
        partOf(endpoints, 'The endpoints', 'PostgreSQL does not respond.', (found) =>
          endpointTable(found, viewer),
        ),
      )}
    </div>`
}

function endpointTable(endpoints: readonly WebhookEndpoint[], viewer: Viewer): Html {
  return table({
    caption: 'Webhook endpoints',
    rows: endpoints,
    rowId: ({ id }) => id,
    empty: emptyState('No webhook endpoints', 'POST /webhook-endpoints adds one.'),
    columns: [
      { title: 'Endpoint', cell: (endpoint) => endpointLink(endpoint, viewer) },
      { title: 'Description', cell: ({ description }) => prose(description) },
      { title: 'State', cell: stateOf },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
    ],
  })
}
