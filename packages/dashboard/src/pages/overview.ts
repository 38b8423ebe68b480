import { PAYMENT_STATUSES } from '@titan/payments'
import type { QueueStats } from '@titan/queue-core'
import type { WebhookBacklog } from '@titan/webhooks'
import { html } from 'hono/html'
import { actButton } from '../markup/forms.ts'
import { formatCount, formatDuration, formatNumber, formatRate } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { card, chip, facts, partOf, table, tag, type Content, type Html } from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import type { Reading } from '../reads/reads.ts'
import type { Sample } from '../reads/sampler.ts'
import type { PaymentTotals } from '../reads/totals.ts'

/** What the overview shows. */
interface OverviewContent {
  readonly totals: Reading<PaymentTotals>
  readonly webhooks: Reading<WebhookBacklog>
  readonly queues: readonly { readonly name: string; readonly stats: Reading<QueueStats> }[]
  readonly samples: readonly Sample[]
}

/** Renders the first page: the current state, and what needs attention. */
export function overviewPage(content: OverviewContent, viewer: Viewer): Html {
  const { totals, webhooks, queues, samples } = content
  return html`<h1 class="sr-only">Overview</h1>
    <div id="attention" data-live>${attention(content, viewer)}</div>
    <section id="totals" aria-label="Payments by status" data-live>
      ${partOf(totals, 'The payments', 'PostgreSQL does not respond.', (found) => tiles(found, viewer))}
    </section>
    <section id="rates" aria-label="The last minute" data-live>${rates(samples)}</section>
    <div class="charts">
      ${chart('throughput', 'Throughput', 'payments per second')}
      ${chart('latency', 'Latency', 'from acceptance to the end')} ${chart('depth', 'Queue', 'jobs by state')}
    </div>
    <div id="queues" data-live>${card('Queues', queueTables(queues, viewer))}</div>
    <div id="webhooks" data-live>
      ${card('Outgoing webhooks', partOf(webhooks, 'The webhooks', 'PostgreSQL does not respond.', webhookFacts))}
    </div>`
}

/** What PostgreSQL holds of the webhooks; the queue holds only what is sent next. */
function webhookFacts({ pending, waitingEvents, isAtLeast, ...endpoints }: WebhookBacklog): Html {
  const more = isAtLeast ? ' or more' : ''
  return facts([
    ['Deliveries waiting', `${formatNumber(pending)}${more}`],
    ['Events not yet dispatched', `${formatNumber(waitingEvents)}${more}`],
    ['Failing endpoints', formatNumber(endpoints.failingEndpoints)],
    ['Disabled endpoints', formatNumber(endpoints.disabledEndpoints)],
  ])
}

function attention({ totals, webhooks, queues }: OverviewContent, viewer: Viewer): Content {
  const items = [
    ...('value' in webhooks ? endpointItems(webhooks.value) : []),
    ...queues.flatMap(({ name, stats }) => ('value' in stats ? queueItems(name, stats.value, viewer) : [])),
    ...('value' in totals ? reviewItems(totals.value, viewer) : []),
  ].filter((item) => item !== false)
  if (items.length === 0) return false
  return html`<div class="notice" data-tone="amber" role="status">
    <h2>Needs attention</h2>
    <ul>
      ${items.map((item) => html`<li>${item}</li>`)}
    </ul>
  </div>`
}

function endpointItems({ pending, failingEndpoints, disabledEndpoints }: WebhookBacklog): Content[] {
  const number = (value: number): Html => html`<strong>${formatNumber(value)}</strong>`
  return [
    failingEndpoints > 0 &&
      html`Webhook endpoints that fail: ${number(failingEndpoints)}; ${number(pending)} deliveries wait`,
    disabledEndpoints > 0 && html`Webhook endpoints that are disabled: ${number(disabledEndpoints)}`,
  ]
}

function queueItems(
  name: string,
  { paused, dead, ready, group }: QueueStats,
  { seesEvidence }: Viewer,
): Content[] {
  const letters = html`<strong>${formatNumber(dead)}</strong> dead ${dead === 1 ? 'letter' : 'letters'}`
  const path = pathTo(['dead-letters'], { queue: name })
  return [
    paused && html`The queue <strong>${name}</strong> is paused: no job starts.`,
    dead > 0 && html`${seesEvidence ? html`<a href="${path}">${letters}</a>` : letters} in ${name}`,
    ready > 0 && group === '' && html`Jobs wait in <strong>${name}</strong>, and no worker has ever started.`,
  ]
}

function reviewItems({ review }: PaymentTotals, viewer: Viewer): Content[] {
  const payments = html`<strong>${formatCount(review)}</strong>
    ${review.value === 1 ? 'payment waits' : 'payments wait'}`
  return [review.value > 0 && html`<a href="${reviewsPath(viewer)}">${payments}</a> for a decision`]
}

/** Who may not see the reviews sees which payments are in review. */
function reviewsPath({ seesEvidence }: Viewer): string {
  return seesEvidence ? pathTo(['reviews']) : pathTo(['payments'], { status: 'REVIEW' })
}

/** Renders the payments by status, each with a link to its list. */
export function tiles({ byStatus, review }: PaymentTotals, viewer: Viewer): Html {
  const all = [
    ...PAYMENT_STATUSES.map((status) => ({
      status,
      path: pathTo(['payments'], { status }),
      count: byStatus[status],
    })),
    { status: 'REVIEW', path: reviewsPath(viewer), count: review },
  ]
  return html`<div class="tiles">
    ${all.map(
      ({ status, path, count }) =>
        html`<a class="card tile" href="${path}" id="total-${status}">
          ${chip(status)}<span class="figure">${formatCount(count)}</span>
        </a>`,
    )}
  </div>`
}

const LAST_MINUTE_MS = 60_000

function rates(samples: readonly Sample[]): Html {
  const last = samples.filter(({ at }) => at > Date.now() - LAST_MINUTE_MS)
  const mean = (name: keyof Sample): number | undefined => {
    const values = last.map((sample) => sample[name]).filter((value) => value !== null)
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
  }
  const rate = (value: number | undefined): string => (value === undefined ? '–' : formatRate(value))
  const succeeded = mean('succeeded')
  const failed = mean('failed')
  const ended = (succeeded ?? 0) + (failed ?? 0)
  const p95 = mean('p95Ms')
  const share = ended === 0 ? ['–', ''] : [((100 * (failed ?? 0)) / ended).toFixed(1), '%']
  const all = [
    ['Accepted', rate(mean('created')), '/ s'],
    ['Succeeded', rate(succeeded), '/ s'],
    ['Failed', rate(failed), '/ s'],
    ['Failed share', ...share],
    ['Latency p95', p95 === undefined ? '–' : formatDuration(p95), ''],
    ['Retries', rate(mean('retried')), '/ s'],
  ]
  return html`<div class="tiles rates">
    ${all.map(
      ([name, value, unit]) =>
        html`<div class="card tile">
          <span class="muted">${name}</span>
          <span class="figure">${value} <span class="muted">${unit}</span></span>
        </div>`,
    )}
  </div>`
}

function chart(id: string, title: string, unit: string): Html {
  return html`<figure class="card" id="chart-${id}" data-chart="${id}" data-source="${pathTo(['series'])}">
    <figcaption class="card-head">
      <h2>${title}</h2>
      <span class="muted">${unit}</span>
    </figcaption>
    <div class="plot" data-plot>
      <p class="muted" data-loading>Collecting the first points…</p>
    </div>
  </figure>`
}

type QueueRow = QueueStats & { readonly name: string }

function queueTables(queues: OverviewContent['queues'], viewer: Viewer): Html {
  const why = 'Redis does not respond. Payments are still accepted.'
  const failed = queues.filter(({ stats }) => 'error' in stats)
  const rows = queues.flatMap(({ name, stats }) => ('value' in stats ? [{ name, ...stats.value }] : []))
  return html`${failed.map(({ name, stats }) => partOf(stats, `The queue ${name}`, why, () => html``))}
  ${rows.length > 0 && queueTable(rows, viewer)}`
}

function queueTable(rows: readonly QueueRow[], viewer: Viewer): Html {
  const number = (title: string, pick: (row: QueueRow) => number) => ({
    title,
    isNumber: true,
    cell: (row: QueueRow) => formatNumber(pick(row)),
  })
  return table({
    caption: 'Jobs of each queue by state',
    rows,
    rowId: ({ name }) => `queue-${name}`,
    empty: html``,
    columns: [
      { title: 'Queue', cell: ({ name }) => html`<strong>${name}</strong>` },
      { title: 'State', cell: ({ paused }) => (paused ? tag('amber', 'Paused') : tag('green', 'Running')) },
      number('Ready', (row) => row.ready),
      number('Delayed', (row) => row.delayed),
      number('In flight', (row) => row.leased),
      number('Dead', (row) => row.dead),
      {
        title: 'Oldest ready',
        isNumber: true,
        cell: ({ ready, oldestReadyMs }) => (ready === 0 ? '–' : formatDuration(oldestReadyMs)),
      },
      viewer.formToken !== undefined && { title: 'Action', cell: (row) => steerButton(row, viewer) },
    ],
  })
}

function steerButton({ name, paused }: QueueRow, viewer: Viewer): Content {
  const hint = `the queue ${name}`
  const act = (verb: string): string => pathTo(['queues', name, verb])
  return paused
    ? actButton({ viewer, action: act('resume'), label: 'Resume', hint, kind: 'primary' })
    : actButton({ viewer, action: act('pause'), label: 'Pause', hint })
}
