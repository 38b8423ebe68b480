import { DELIVERY_STATUSES, type WebhookDelivery, type WebhookEndpoint } from '@titan/webhooks'
import { html } from 'hono/html'
import * as v from 'valibot'
import { actButton, searchForm, select } from '../markup/forms.ts'
import type { Viewer } from '../markup/layout.ts'
import {
  ago,
  at,
  card,
  chip,
  emptyState,
  facts,
  mono,
  pager,
  partOf,
  table,
  tag,
  wordsOf,
  type Content,
  type Html,
} from '../markup/parts.ts'
import type { Reading } from '../reads/reads.ts'
import { pathTo } from '../web/paths.ts'
import { accountLink, isNamed } from './accounts.ts'

/** Reads which deliveries of an endpoint to list from the query; '' is any. */
export const deliverySearch = v.object({
  status: v.optional(v.picklist(['', ...DELIVERY_STATUSES]), ''),
  /** The last delivery of the page before. */
  after: v.optional(v.pipe(v.string(), v.regex(/^(dlv_\d{1,18})?$/)), ''),
})

type DeliverySearch = v.InferOutput<typeof deliverySearch>

interface DeliveryPage {
  readonly deliveries: readonly WebhookDelivery[]
  readonly next?: string | undefined
}

/** Renders an endpoint and its deliveries. */
export function endpointPage(
  endpoint: WebhookEndpoint,
  search: DeliverySearch,
  found: Reading<DeliveryPage>,
  viewer: Viewer,
): Html {
  const path = pathTo(['webhook-endpoints', endpoint.id])
  const statuses = DELIVERY_STATUSES.map((status) => [status, wordsOf(status)] as const)
  const field = select('Status', 'status', [['', 'Any status'], ...statuses], search.status)
  return html`<h1>Webhook endpoint</h1>
    <div id="endpoint" data-live>${card('Summary', summary(endpoint, viewer))}</div>
    ${searchForm(path, 'Search', [field], search.status !== '' && path)}
    <div id="list" ${search.after === '' && 'data-live'}>
      ${partOf(found, 'The list', 'PostgreSQL does not respond.', (page) =>
        card(
          'Deliveries, newest first',
          html`${deliveryTable(page, viewer)}${pagerOf(endpoint, search, page)}`,
        ),
      )}
    </div>`
}

function summary(endpoint: WebhookEndpoint, viewer: Viewer): Html {
  const { id, description, eventTypes, firstFailureAt, createdAt } = endpoint
  return facts([
    isNamed(endpoint) && viewer.tenant === undefined && ['Account', accountLink(endpoint, 'payments')],
    ['URL', urlOf(endpoint, viewer)],
    ['Id', mono(id)],
    description !== '' && ['Description', description],
    ['State', stateOf(endpoint)],
    firstFailureAt !== null && ['Failing since', at(firstFailureAt)],
    ['Events', eventTypes?.join(', ') ?? 'all'],
    ['Created', at(createdAt)],
  ])
}

/** Renders the link to an endpoint. */
export function endpointLink(endpoint: WebhookEndpoint, viewer: Viewer): Html {
  const path = pathTo(['webhook-endpoints', endpoint.id])
  return html`<a class="break" href="${path}">${urlOf(endpoint, viewer)}</a>`
}

/** Receivers put tokens into the paths and queries of their URLs. */
function urlOf({ url }: WebhookEndpoint, { seesUrls }: Viewer): string {
  return seesUrls ? url : `${new URL(url).origin}/***`
}

const REASONS = {
  gone: 'Disabled: it answered 410',
  failing: 'Disabled: it kept failing',
  operator: 'Disabled',
} as const

/** Renders whether events are sent to an endpoint. */
export function stateOf({ disabledAt, disabledReason, firstFailureAt }: WebhookEndpoint): Html {
  if (disabledAt !== null) return tag('red', REASONS[disabledReason ?? 'operator'])
  return firstFailureAt === null ? tag('green', 'Enabled') : tag('amber', 'Failing')
}

function deliveryTable({ deliveries, next }: DeliveryPage, viewer: Viewer): Html {
  return table({
    caption: 'Deliveries',
    rows: deliveries,
    rowId: ({ id }) => id,
    empty: emptyState(
      'No deliveries',
      next === undefined ? 'None match, or they were pruned.' : 'Older continues the search.',
    ),
    columns: [
      { title: 'Event', cell: ({ eventId }) => mono(eventId) },
      { title: 'Status', cell: ({ status }) => chip(status) },
      { title: 'Attempts', isNumber: true, cell: ({ attempts }) => attempts },
      { title: 'Response', cell: ({ lastCode, lastError }) => lastCode ?? lastError ?? '–' },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
      viewer.formToken !== undefined &&
        viewer.seesUrls && { title: 'Action', cell: (delivery) => redeliverButton(delivery, viewer) },
    ],
  })
}

function redeliverButton({ id, endpointId, status }: WebhookDelivery, viewer: Viewer): Content {
  if (status === 'PENDING') return '–'
  return actButton({
    viewer,
    action: pathTo(['webhook-deliveries', id, 'redeliver']),
    label: 'Send again',
    hint: `the delivery ${id}`,
    fields: html`<input type="hidden" name="endpoint" value="${endpointId}" />`,
  })
}

function pagerOf({ id }: WebhookEndpoint, search: DeliverySearch, { next }: DeliveryPage): Content {
  const to = (after: string): string => pathTo(['webhook-endpoints', id], { ...search, after })
  return pager(search.after !== '' && ['Newest', to('')], next !== undefined && ['Older', to(next)])
}
