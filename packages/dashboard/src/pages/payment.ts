import {
  gatewayNameOf,
  stepOf,
  type MovementStep,
  type Payment,
  type PaymentAttempt,
  type PaymentEvent,
} from '@titan/payments'
import { html } from 'hono/html'
import { formatDuration, formatMoney, shortenId } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import {
  ago,
  at,
  card,
  chip,
  emptyState,
  facts,
  mono,
  paymentLink,
  prose,
  table,
  toneOf,
  type Content,
  type Html,
} from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import type { History } from '../reads/reads.ts'
import { accountLink, isNamed } from './accounts.ts'
import { movementActs } from './movement-acts.ts'
import { KIND_WORDS, movementTable } from './movements.ts'
import { statusOf } from './payments.ts'
import { chargesCard, resolveForm } from './resolve.ts'

/** Renders one payment with its whole history. */
export function paymentPage(history: History, viewer: Viewer, canLookUp: boolean): Html {
  const { payment, movement, movements, events, attempts, breaks, webhooks } = history
  const amount = formatMoney(payment.amount, payment.currency)
  return html`<p>
      <a href="${pathTo(['payments'])}">Payments</a>
      ${movement && html` / ${paymentLink(movement.paymentId)}`}
    </p>
    <div id="payment" class="stack" data-live>
      <div class="title">
        <h1>${movement === undefined ? amount : `${KIND_WORDS[movement.kind]} of ${amount}`}</h1>
        ${statusOf(payment)}
        <span class="mono break">${payment.id}</span>
      </div>
      ${card('Summary', summary(history, viewer))}
      ${movements.length > 0 && card('Refunds, captures and releases', movementTable(movements, viewer))}
    </div>
    ${viewer.seesEvidence && breaks.length > 0 && chargesCard({ payment, movements, breaks }, viewer)}
    ${payment.needsReview && viewer.tenant === undefined && resolveForm({ payment, breaks, canLookUp }, viewer)}
    ${movement === undefined && movementActs(payment, movements, viewer)}
    <div id="history" class="columns" data-live>
      ${card('History', timeline(events, viewer))}
      <div class="stack">
        ${card('Attempts at the gateway', attemptTable(attempts, viewer))}
        ${card('Webhook deliveries', deliveryTable(webhooks))}
      </div>
    </div>`
}

/** Without the right to details, a page shows what the API shows. */
function summary(history: History, { seesDetails, seesEvidence, tenant }: Viewer): Html {
  const { payment, events } = history
  const { gateway } = payment
  const { failureCode, failureKind, unknownSince, createdAt, updatedAt } = payment
  // A refund changes its payment long after that has ended.
  const endedAt = events.at(-1)?.at ?? updatedAt
  return facts([
    isNamed(payment) && tenant === undefined && ['Account', accountLink(payment, 'payments')],
    ...(seesDetails ? detailsOf(history) : []),
    ...moneyOf(payment),
    ['Created', at(createdAt)],
    ['Changed', html`${at(updatedAt)} <span class="muted">(${ago(updatedAt)})</span>`],
    ['Duration', formatDuration(endedAt.getTime() - createdAt.getTime())],
    ['Gateway', gateway === null ? '–' : seesEvidence ? gateway : gatewayNameOf(gateway)],
    failureCode !== null && ['Failure', `${failureCode} (${failureKind ?? 'unknown kind'})`],
    unknownSince !== null && ['Outcome unknown since', at(unknownSince)],
    ...(seesDetails ? saidBy(payment) : []),
    ['Retries used', payment.retries],
    ['Fence', payment.fence],
  ])
}

/** What the payment said of itself; nothing of what it did not say. */
function saidBy({ details, priority, executeAt, expiresAt }: Payment): (readonly [string, Content])[] {
  const said = {
    Reference: details?.reference,
    Description: details?.description,
    'Statement descriptor': details?.statementDescriptor,
    Metadata: details?.metadata,
    'Payment method': details?.paymentMethod,
    Customer: details?.customer,
    Priority: priority === 'default' ? null : priority,
    'Executed not before': executeAt,
    Expires: expiresAt,
    'Details erased': details?.erasedAt,
  }
  return Object.entries(said).flatMap(([term, value]) =>
    value == null ? [] : [[term, shown(value)] as const],
  )
}

function shown(value: string | Date | object): Content {
  if (typeof value === 'string') return value
  return value instanceof Date ? at(value) : mono(JSON.stringify(value))
}

/** What only viewers with the right to details see. */
function detailsOf({ payment, movement }: History) {
  const { gatewayRef } = payment
  const reason = movement?.reason ?? null
  return [
    ['Idempotency key', mono((movement ?? payment).idempotencyKey)] as const,
    reason !== null && (['Reason', prose(reason)] as const),
    gatewayRef !== null && ([movement?.kind === 'refund' ? 'Refund' : 'Charge', mono(gatewayRef)] as const),
  ]
}

/** What the amount of a payment became, and what it waits for. */
function moneyOf(payment: Payment) {
  const { currency, amountCaptured, amountRefunded, refundsReserved, waitsFor, waitsUntil } = payment
  const underWay = refundsReserved - amountRefunded
  const refunded = `${formatMoney(amountRefunded, currency)}${underWay > 0 ? `, ${formatMoney(underWay, currency)} in progress` : ''}`
  return [
    payment.capture === 'manual' &&
      payment.status === 'SUCCESS' &&
      (['Captured', formatMoney(amountCaptured, currency)] as const),
    refundsReserved > 0 && (['Refunded', refunded] as const),
    waitsFor !== null && waitsUntil !== null && ([WAIT_WORDS[waitsFor], at(waitsUntil)] as const),
  ]
}

const WAIT_WORDS = {
  capture: 'Authorized until',
  customer: 'Waits for the customer until',
  gateway: 'Waits for the gateway until',
} as const

const STEP_WORDS: Readonly<Record<MovementStep, string>> = {
  created: 'Accepted',
  queued: 'Enqueued',
  processing: 'Claimed by a worker',
  taken_over: 'Reclaimed from an unresponsive worker',
  retrying: 'Retry scheduled',
  unknown: 'Outcome unknown',
  needs_review: 'Held for review',
  requeued: 'Enqueued again',
  waiting: 'Still waiting',
  succeeded: 'Succeeded',
  failed: 'Failed',
}
const OWN_WORDS: Readonly<Partial<Record<PaymentEvent['type'], string>>> = {
  'payment.succeeded': 'Charged',
  'refund.succeeded': 'Refunded',
  'capture.succeeded': 'Captured',
  'void.succeeded': 'Released',
}

function wordsOf(type: PaymentEvent['type']): string {
  if (type === 'payment.authorized') return 'Authorized'
  if (type === 'payment.requires_action') return 'Waiting for the customer'
  return OWN_WORDS[type] ?? STEP_WORDS[stepOf(type)]
}

function timeline(events: readonly PaymentEvent[], { seesEvidence }: Viewer): Html {
  return html`<ol class="timeline">
    ${events.map(
      (event) =>
        html`<li id="event-${event.seq}" data-tone="${toneOfEvent(event)}">
          <div class="timeline-head"><strong>${wordsOf(event.type)}</strong>${at(event.at)}</div>
          <div class="muted">
            ${seesEvidence && `by ${event.actor} · `}<span class="mono">${event.type}</span>
          </div>
          ${seesEvidence && evidence(event)}
        </li>`,
    )}
  </ol>`
}

function toneOfEvent({ type, toStatus }: PaymentEvent): string {
  if (type.endsWith('.needs_review')) return toneOf('REVIEW')
  return toneOf(/\.(unknown|retrying)$/.test(type) ? 'UNKNOWN' : toStatus)
}

function evidence(event: PaymentEvent): Content {
  const entries = Object.entries(event.evidence ?? {}).filter(([, value]) => value !== null && value !== '')
  if (entries.length === 0) return false
  return facts(
    entries.map(([name, value]) => [name, String(value)]),
    'evidence',
  )
}

function attemptTable(attempts: readonly PaymentAttempt[], { seesEvidence }: Viewer): Html {
  return table({
    caption: 'Attempts at the gateway',
    rows: attempts,
    rowId: ({ attemptNo }) => `attempt-${attemptNo}`,
    empty: emptyState('No attempt yet', 'Nothing was sent to the gateway.'),
    columns: [
      { title: 'No.', isNumber: true, cell: ({ attemptNo }) => attemptNo },
      { title: 'Outcome', cell: ({ outcome }) => chip(outcome ?? 'OPEN') },
      { title: 'Sends', isNumber: true, cell: ({ sends }) => sends },
      seesEvidence && { title: 'Key', cell: ({ gatewayKey }) => mono(gatewayKey) },
      seesEvidence && { title: 'Last error', cell: ({ lastError }) => lastError ?? '–' },
      { title: 'Decided', cell: ({ decidedAt }) => (decidedAt === null ? '–' : ago(decidedAt)) },
    ],
  })
}

function deliveryTable(webhooks: History['webhooks']): Html {
  return table({
    caption: 'Webhook deliveries',
    rows: webhooks.flatMap(({ event, deliveries }) =>
      deliveries.map((one) => ({ ...one, event: event.type })),
    ),
    rowId: ({ id }) => id,
    empty: emptyState('No deliveries', 'No endpoint was subscribed, or the deliveries were pruned.'),
    columns: [
      { title: 'Event', cell: ({ event }) => event },
      { title: 'Status', cell: ({ status }) => chip(status) },
      {
        title: 'Endpoint',
        cell: ({ endpointId: id }) =>
          html`<a class="mono" href="${pathTo(['webhook-endpoints', id])}" title="${id}"
            >${shortenId(id)}</a
          >`,
      },
      { title: 'Attempts', isNumber: true, cell: ({ attempts }) => attempts },
      { title: 'Response', cell: ({ lastCode, lastError }) => lastCode ?? lastError ?? '–' },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
    ],
  })
}
