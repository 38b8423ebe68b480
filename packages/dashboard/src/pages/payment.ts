import type { Evidence, Payment, PaymentAttempt, PaymentEvent } from '@titan/payments'
import { html } from 'hono/html'
import { formatDuration, formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { ago, at, card, chip, emptyState, facts, table, type Column, type Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'
import type { History } from '../reads.ts'
import { statusOf } from './payments.ts'
import { chargesCard, resolveForm } from './resolve.ts'

/** Renders one payment with its whole history. */
export function paymentPage(history: History, viewer: Viewer, canLookUp: boolean): Html {
  const { payment, events, attempts, breaks, webhooks } = history
  const { id, amount, currency } = payment
  return html`<p class="crumbs"><a href="${pathTo(['payments'])}">Payments</a></p>
    <div id="payment" data-live>
      <div class="title">
        <h1>${formatMoney(amount, currency)}</h1>
        ${statusOf(payment)}
      </div>
      <p class="mono break">${id}</p>
      ${card('Summary', summary(payment, viewer))}
    </div>
    ${viewer.seesDetails ? chargesCard(payment, breaks) : ''}
    ${payment.needsReview ? resolveForm({ payment, breaks, canLookUp }, viewer) : ''}
    <div id="history" class="columns" data-live>
      ${card('History', timeline(events, viewer))}
      <div class="stack">
        ${card('Attempts at the gateway', attemptTable(attempts, viewer))}
        ${card('Webhook deliveries', deliveryTable(webhooks))}
      </div>
    </div>`
}

/** Without the right to details, a page shows what the API shows. */
function summary(payment: Payment, { seesDetails }: Viewer): Html {
  const { failureCode, failureKind, gatewayRef, unknownSince } = payment
  return facts([
    seesDetails && ['Idempotency key', html`<span class="mono break">${payment.idempotencyKey}</span>`],
    ['Created', at(payment.createdAt)],
    ['Changed', html`${at(payment.updatedAt)} <span class="muted">(${ago(payment.updatedAt)})</span>`],
    ['Duration', formatDuration(payment.updatedAt.getTime() - payment.createdAt.getTime())],
    ['Gateway', payment.gateway ?? '–'],
    gatewayRef !== null && seesDetails && ['Charge', html`<span class="mono break">${gatewayRef}</span>`],
    failureCode !== null && ['Failure', `${failureCode} (${failureKind ?? 'unknown kind'})`],
    unknownSince !== null && ['Outcome unknown since', at(unknownSince)],
    ['Retries used', String(payment.retries)],
    ['Fence', String(payment.fence)],
  ])
}

const EVENT_WORDS: Readonly<Record<PaymentEvent['type'], string>> = {
  'payment.created': 'Accepted',
  'payment.queued': 'Enqueued',
  'payment.processing': 'Claimed by a worker',
  'payment.taken_over': 'Reclaimed from an unresponsive worker',
  'payment.retrying': 'Retry scheduled',
  'payment.unknown': 'Outcome unknown',
  'payment.needs_review': 'Held for review',
  'payment.requeued': 'Enqueued again',
  'payment.succeeded': 'Charged',
  'payment.failed': 'Failed',
}

function timeline(events: readonly PaymentEvent[], { seesDetails }: Viewer): Html {
  return html`<ol class="timeline">
    ${events.map(
      (event) =>
        html`<li id="event-${event.seq}" data-status="${toneOf(event)}">
          <div class="timeline-head"><strong>${EVENT_WORDS[event.type]}</strong>${at(event.at)}</div>
          <div class="muted">
            ${seesDetails ? `by ${event.actor} · ` : ''}<span class="mono">${event.type}</span>
          </div>
          ${seesDetails ? evidence(event.evidence) : ''}
        </li>`,
    )}
  </ol>`
}

function toneOf({ type, toStatus }: PaymentEvent): string {
  if (type === 'payment.needs_review') return 'REVIEW'
  return type === 'payment.unknown' || type === 'payment.retrying' ? 'UNKNOWN' : toStatus
}

function evidence(found: Evidence | null): Html | string {
  const entries = Object.entries(found ?? {}).filter(([, value]) => value !== null && value !== '')
  if (entries.length === 0) return ''
  return html`<dl class="evidence">
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd class="break">${String(value)}</dd>
        </div>`,
    )}
  </dl>`
}

function attemptTable(attempts: readonly PaymentAttempt[], { seesDetails }: Viewer): Html {
  const details: readonly Column<PaymentAttempt>[] = [
    { title: 'Key', cell: ({ gatewayKey }) => html`<span class="mono break">${gatewayKey}</span>` },
    { title: 'Last error', cell: ({ lastError }) => lastError ?? '–' },
  ]
  return table({
    caption: 'Attempts at the gateway',
    rows: attempts,
    rowId: ({ attemptNo }) => `attempt-${attemptNo}`,
    empty: emptyState('No attempt yet', 'Nothing was sent to the gateway.'),
    columns: [
      { title: 'No.', isNumber: true, cell: ({ attemptNo }) => attemptNo },
      { title: 'Outcome', cell: ({ outcome }) => chip(outcome ?? 'OPEN') },
      { title: 'Sends', isNumber: true, cell: ({ sends }) => sends },
      ...(seesDetails ? details : []),
      { title: 'Decided', cell: ({ decidedAt }) => (decidedAt === null ? '–' : ago(decidedAt)) },
    ],
  })
}

function deliveryTable(webhooks: History['webhooks']): Html {
  const rows = webhooks.flatMap(({ event, deliveries }) =>
    deliveries.map((delivery) => ({ event, delivery })),
  )
  return table({
    caption: 'Webhook deliveries',
    rows,
    rowId: ({ delivery }) => delivery.id,
    empty: emptyState('No deliveries', 'No endpoint was subscribed, or the deliveries were pruned.'),
    columns: [
      { title: 'Event', cell: ({ event }) => event.type },
      { title: 'Status', cell: ({ delivery }) => chip(delivery.status) },
      {
        title: 'Endpoint',
        cell: ({ delivery }) => html`<span class="mono break">${delivery.endpointId}</span>`,
      },
      { title: 'Attempts', isNumber: true, cell: ({ delivery }) => delivery.attempts },
      { title: 'Response', cell: ({ delivery }) => String(delivery.lastCode ?? delivery.lastError ?? '–') },
      { title: 'Changed', cell: ({ delivery }) => ago(delivery.updatedAt) },
    ],
  })
}
