import type { ConsumerView, JobView } from '@titan/queue-core'
import { html } from 'hono/html'
import type { HeldPayment } from '../reads/reads.ts'
import { paymentOf } from '../reads/letters.ts'
import { formatDuration, formatMoney } from '../markup/format.ts'
import { card, chip, emptyState, mono, partOf, paymentLink, table, tag, type Html } from '../markup/parts.ts'
import type { Reading } from '../reads/reads.ts'

/** The workers of a queue, and their jobs. */
interface QueueWorkers {
  readonly name: string
  readonly workers: Reading<{
    readonly consumers: readonly ConsumerView[]
    readonly jobs: readonly JobView[]
  }>
}

/** Renders the workers of every queue, their jobs in flight, and the payments that they hold. */
export function workersPage(queues: readonly QueueWorkers[], held: Reading<HeldPayment[]>): Html {
  return html`<h1>Workers</h1>
    <div id="workers" class="stack" data-live>
      ${queues.map(({ name, workers }) =>
        partOf(
          workers,
          `The workers of ${name}`,
          'Redis does not respond.',
          ({ consumers, jobs }) =>
            html`${card(`Workers of ${name}`, consumerTable(name, consumers))}
            ${jobs.length > 0 && card(`Jobs in flight in ${name}`, jobTable(jobs))}`,
        ),
      )}
      ${partOf(held, 'The leases', 'PostgreSQL does not respond.', (rows) =>
        card('Payments under a lease', heldTable(rows)),
      )}
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
      { title: 'Worker', cell: ({ name }) => mono(name) },
      { title: 'State', cell: stateOf },
      { title: 'Jobs in flight', isNumber: true, cell: ({ leases }) => leases },
      { title: 'Last seen', isNumber: true, cell: ({ idleMs }) => `${formatDuration(idleMs)} ago` },
    ],
  })
}

function stateOf({ idleMs, leases }: ConsumerView): Html {
  if (idleMs > UNRESPONSIVE_MS) return tag('red', 'Unresponsive')
  return leases > 0 ? tag('amber', 'Working') : tag('green', 'Idle')
}

function jobTable(jobs: readonly JobView[]): Html {
  return table({
    caption: 'Jobs in flight, unresponsive workers first',
    rows: jobs,
    rowId: ({ entryId, id }) => `job-${entryId ?? id}`,
    empty: html``,
    columns: [
      { title: 'Job', cell: subject },
      { title: 'Worker', cell: ({ consumer }) => mono(consumer) },
      { title: 'Deliveries', isNumber: true, cell: ({ deliveries }) => deliveries ?? '–' },
      {
        title: 'Renewed',
        isNumber: true,
        cell: ({ idleMs }) => (idleMs === undefined ? '–' : `${formatDuration(idleMs)} ago`),
      },
    ],
  })
}

function subject(job: JobView): Html {
  const payment = paymentOf(job)
  return payment === undefined ? html`<span class="mono">${job.name} ${job.id}</span>` : paymentLink(payment)
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
      { title: 'Worker', cell: ({ owner }) => mono(owner) },
      { title: 'Fence', isNumber: true, cell: ({ fence }) => fence },
      { title: 'Lease', cell: leaseOf },
    ],
  })
}

function leaseOf({ remainingMs, isUnknown }: HeldPayment): Html {
  const end = formatDuration(Math.abs(remainingMs))
  return html`${remainingMs > 0 ? `ends in ${end}` : `ended ${end} ago`} ${isUnknown && chip('UNKNOWN')}`
}
