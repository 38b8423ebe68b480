import type { ConsumerView, JobView } from '@titan/queue-core'
import { html } from 'hono/html'
import { formatDuration, formatMoney } from '../markup/format.ts'
import { card, chip, emptyState, failedPart, paymentLink, table, type Html } from '../markup/parts.ts'
import { paymentOf } from '../letters.ts'
import type { Reading } from '../reads.ts'
import type { HeldPayment } from '../leases.ts'

/** What the page of the workers shows. */
export interface WorkersContent {
  readonly queues: readonly {
    readonly name: string
    readonly workers: Reading<{
      readonly consumers: readonly ConsumerView[]
      readonly jobs: readonly JobView[]
    }>
  }[]
  readonly held: Reading<HeldPayment[]>
}

/** Renders the workers of every queue, their jobs in flight, and the payments that they hold. */
export function workersPage({ queues, held }: WorkersContent): Html {
  return html`<h1>Workers</h1>
    <div id="workers" class="stack" data-live>
      ${queues.map(({ name, workers }) =>
        'error' in workers
          ? failedPart(`The workers of ${name}`, 'Redis does not respond.')
          : html`${card(`Workers of ${name}`, consumerTable(name, workers.value.consumers))}
            ${workers.value.jobs.length === 0 ? '' : card(`Jobs in flight in ${name}`, jobTable(workers.value.jobs))}`,
      )}
      ${'error' in held ? failedPart('The leases', 'PostgreSQL does not respond.') : card('Payments under a lease', heldTable(held.value))}
    </div>`
}

/** A worker reads or renews every few seconds. One that did neither for this long is stopped, hanging or disconnected. */
const UNRESPONSIVE_MS = 60_000

function consumerTable(queue: string, consumers: readonly ConsumerView[]): Html {
  return table({
    caption: `Workers of ${queue}`,
    rows: consumers,
    rowId: ({ name }) => `worker-${queue}-${name}`,
    empty: emptyState('No workers', 'Start titan-worker. Until then jobs wait, and none is lost.'),
    columns: [
      { title: 'Worker', cell: ({ name }) => html`<span class="mono break">${name}</span>` },
      { title: 'State', cell: stateOf },
      { title: 'Jobs in flight', isNumber: true, cell: ({ leases }) => leases },
      { title: 'Last seen', isNumber: true, cell: ({ idleMs }) => `${formatDuration(idleMs)} ago` },
    ],
  })
}

function stateOf({ idleMs, leases }: ConsumerView): Html {
  if (idleMs > UNRESPONSIVE_MS) return html`<span class="chip" data-status="FAILED">Unresponsive</span>`
  return leases > 0
    ? html`<span class="chip" data-status="PROCESSING">Working</span>`
    : html`<span class="chip" data-status="SUCCESS">Idle</span>`
}

function jobTable(jobs: readonly JobView[]): Html {
  return table({
    caption: 'Jobs in flight, unresponsive workers first',
    rows: jobs,
    rowId: ({ entryId, id }) => `job-${entryId ?? id}`,
    empty: emptyState('None', ''),
    columns: [
      {
        title: 'Job',
        cell: (job) => {
          const payment = paymentOf(job)
          return payment === undefined
            ? html`<span class="mono">${job.name} ${job.id}</span>`
            : paymentLink(payment)
        },
      },
      { title: 'Worker', cell: ({ consumer }) => html`<span class="mono break">${consumer ?? '–'}</span>` },
      { title: 'Deliveries', isNumber: true, cell: ({ deliveries }) => deliveries ?? '–' },
      {
        title: 'Renewed',
        isNumber: true,
        cell: ({ idleMs }) => (idleMs === undefined ? '–' : `${formatDuration(idleMs)} ago`),
      },
    ],
  })
}

function heldTable(held: readonly HeldPayment[]): Html {
  return table({
    caption: 'Payments under a lease',
    rows: held,
    rowId: ({ id }) => `held-${id}`,
    empty: emptyState('No payment is in progress', 'Leases appear here while workers call the gateway.'),
    columns: [
      { title: 'Payment', cell: ({ id }) => paymentLink(id) },
      { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      { title: 'Worker', cell: ({ owner }) => html`<span class="mono break">${owner}</span>` },
      { title: 'Fence', isNumber: true, cell: ({ fence }) => fence },
      {
        title: 'Lease',
        cell: ({ remainingMs, isUnknown }) =>
          html`${remainingMs > 0 ? `ends in ${formatDuration(remainingMs)}` : `ended ${formatDuration(-remainingMs)} ago`}
          ${isUnknown ? chip('UNKNOWN') : ''}`,
      },
    ],
  })
}
