import { PAYMENT_STATUSES } from '@titan/payments'
import type { QueueStats } from '@titan/queue-core'
import type { WebhookBacklog } from '@titan/webhooks'
import { html } from 'hono/html'
import { actButton } from '../markup/forms.ts'
import { formatCount, formatDuration, formatNumber, formatRate } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { card, chip, facts, failedPart, table, type Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'
import type { Reading } from '../reads.ts'
import type { Sample } from '../sampler.ts'
import type { PaymentTotals } from '../totals.ts'

/** What the overview shows. */
export interface OverviewContent {
  readonly totals: Reading<PaymentTotals>
  readonly webhooks: Reading<WebhookBacklog>
  readonly queues: readonly { readonly name: string; readonly stats: Reading<QueueStats> }[]
  readonly samples: readonly Sample[]
}

/** Renders the first page: the current state, and what needs attention. */
export function overviewPage(content: OverviewContent, viewer: Viewer): Html {
  const { totals, webhooks, queues, samples } = content
  return html`<h1 class="sr-only">Overview</h1>
    <div id="attention" data-live>${attention(content)}</div>
    <section id="totals" aria-label="Payments by status" data-live>
      ${'error' in totals ? failedPart('The payments', 'PostgreSQL does not respond.') : tiles(totals.value)}
    </section>
    <section id="rates" aria-label="The last minute" data-live>${rates(samples)}</section>
    <div class="charts">
      ${chart('throughput', 'Throughput', 'payments per second')}
      ${chart('latency', 'Latency', 'from acceptance to the end')} ${chart('depth', 'Queue', 'jobs by state')}
    </div>
    <div id="queues" data-live>${card('Queues', queueTable(queues, viewer))}</div>
    <div id="webhooks" data-live>${card('Outgoing webhooks', webhookFacts(webhooks))}</div>`
}

/** What PostgreSQL holds of the webhooks; the queue holds only what is sent next. */
function webhookFacts(webhooks: OverviewContent['webhooks']): Html {
  if ('error' in webhooks) return failedPart('The webhooks', 'PostgreSQL does not respond.')
  const { pending, waitingEvents, failingEndpoints, disabledEndpoints, isAtLeast } = webhooks.value
  const more = isAtLeast ? ' or more' : ''
  return facts([
    ['Deliveries waiting', `${formatNumber(pending)}${more}`],
    ['Events not yet dispatched', `${formatNumber(waitingEvents)}${more}`],
    ['Failing endpoints', formatNumber(failingEndpoints)],
    ['Disabled endpoints', formatNumber(disabledEndpoints)],
  ])
}

function endpointItems({ pending, failingEndpoints, disabledEndpoints }: WebhookBacklog): Html[] {
  const waiting = html`<strong>${formatNumber(pending)}</strong> deliveries wait`
  return [
    ...(failingEndpoints > 0
      ? [
          html`<li>
            Webhook endpoints that fail: <strong>${formatNumber(failingEndpoints)}</strong>; ${waiting}
          </li>`,
        ]
      : []),
    ...(disabledEndpoints > 0
      ? [
          html`<li>
            Webhook endpoints that are disabled: <strong>${formatNumber(disabledEndpoints)}</strong>
          </li>`,
        ]
      : []),
  ]
}

function reviewItems(totals: OverviewContent['totals']): Html[] {
  if ('error' in totals || totals.value.review.value === 0) return []
  const { review } = totals.value
  const words = review.value === 1 ? 'payment waits' : 'payments wait'
  return [
    html`<li>
      <a href="${pathTo(['reviews'])}"><strong>${formatCount(review)}</strong> ${words}</a> for a decision
    </li>`,
  ]
}

function attention({ totals, webhooks, queues }: OverviewContent): Html {
  const items: Html[] = 'value' in webhooks ? endpointItems(webhooks.value) : []
  for (const { name, stats } of queues) {
    if ('error' in stats) continue
    if (stats.value.paused)
      items.push(html`<li>The queue <strong>${name}</strong> is paused: no job starts.</li>`)
    if (stats.value.dead > 0)
      items.push(
        html`<li>
          <a href="${pathTo(['dead-letters'], { queue: name })}"
            ><strong>${formatNumber(stats.value.dead)}</strong> dead
            ${stats.value.dead === 1 ? 'letter' : 'letters'}</a
          >
          in ${name}
        </li>`,
      )
    if (stats.value.ready > 0 && stats.value.group === '')
      items.push(html`<li>Jobs wait in <strong>${name}</strong>, and no worker has ever started.</li>`)
  }
  items.push(...reviewItems(totals))
  if (items.length === 0) return html``
  return html`<div class="notice notice-warn" role="status">
    <h2>Needs attention</h2>
    <ul>
      ${items}
    </ul>
  </div>`
}

function tiles({ byStatus, review }: PaymentTotals): Html {
  const all = PAYMENT_STATUSES.map(
    (status) =>
      html`<a class="tile" href="${pathTo(['payments'], { status })}" id="total-${status}">
        ${chip(status)}<span class="figure">${formatCount(byStatus[status])}</span>
      </a>`,
  )
  return html`<div class="tiles">
    ${all}
    <a class="tile" href="${pathTo(['reviews'])}" id="total-REVIEW">
      ${chip('REVIEW')}<span class="figure">${formatCount(review)}</span>
    </a>
  </div>`
}

const LAST_MINUTE_MS = 60_000

function rates(samples: readonly Sample[]): Html {
  const last = samples.filter(({ at }) => at > Date.now() - LAST_MINUTE_MS)
  const mean = (pick: (sample: Sample) => number | null): number | undefined => {
    const values = last.map(pick).filter((value) => value !== null)
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
  }
  const rate = (value: number | undefined): string => (value === undefined ? '–' : formatRate(value))
  const succeeded = mean((sample) => sample.succeeded)
  const failed = mean((sample) => sample.failed)
  const ended = (succeeded ?? 0) + (failed ?? 0)
  const p95 = mean((sample) => sample.p95Ms)
  return html`<div class="tiles rates">
    ${rateTile('Accepted', rate(mean((sample) => sample.created)), '/ s')}
    ${rateTile('Succeeded', rate(succeeded), '/ s')} ${rateTile('Failed', rate(failed), '/ s')}
    ${rateTile('Failed share', ended === 0 ? '–' : ((100 * (failed ?? 0)) / ended).toFixed(1), ended === 0 ? '' : '%')}
    ${rateTile('Latency p95', p95 === undefined ? '–' : formatDuration(p95), '')}
    ${rateTile('Retries', rate(mean((sample) => sample.retried)), '/ s')}
  </div>`
}

function rateTile(name: string, value: string, unit: string): Html {
  return html`<div class="tile small">
    <span class="muted">${name}</span> <span class="figure">${value} <span class="unit">${unit}</span></span>
  </div>`
}

function chart(id: string, title: string, unit: string): Html {
  return html`<figure
    class="card chart"
    id="chart-${id}"
    data-chart="${id}"
    data-source="${pathTo(['series'])}"
  >
    <figcaption>
      <h2>${title}</h2>
      <span class="muted">${unit}</span>
    </figcaption>
    <div class="plot" data-plot>
      <p class="muted loading" data-loading>Collecting the first points…</p>
    </div>
  </figure>`
}

function queueTable(queues: OverviewContent['queues'], viewer: Viewer): Html {
  const failed = queues.filter(({ stats }) => 'error' in stats)
  const rows = queues.flatMap(({ name, stats }) => ('error' in stats ? [] : [{ name, ...stats.value }]))
  const number = (title: string, pick: (row: (typeof rows)[number]) => number) => ({
    title,
    isNumber: true,
    cell: (row: (typeof rows)[number]) => formatNumber(pick(row)),
  })
  return html`${failed.map(({ name }) => failedPart(`The queue ${name}`, 'Redis does not respond. Payments are still accepted.'))}
  ${
    rows.length === 0
      ? ''
      : table({
          caption: 'Jobs of each queue by state',
          rows,
          rowId: ({ name }) => `queue-${name}`,
          empty: html``,
          columns: [
            { title: 'Queue', cell: ({ name }) => html`<strong>${name}</strong>` },
            { title: 'State', cell: ({ paused }) => state(paused) },
            number('Ready', (row) => row.ready),
            number('Delayed', (row) => row.delayed),
            number('In flight', (row) => row.leased),
            number('Dead', (row) => row.dead),
            {
              title: 'Oldest ready',
              isNumber: true,
              cell: ({ ready, oldestReadyMs }) => (ready === 0 ? '–' : formatDuration(oldestReadyMs)),
            },
            ...(viewer.formToken === undefined
              ? []
              : [{ title: 'Action', cell: (row: (typeof rows)[number]) => steerButton(row, viewer) }]),
          ],
        })
  }`
}

function state(paused: boolean): Html {
  return paused
    ? html`<span class="chip" data-status="PAUSED">Paused</span>`
    : html`<span class="chip" data-status="SUCCESS">Running</span>`
}

function steerButton(
  { name, paused }: { readonly name: string; readonly paused: boolean },
  viewer: Viewer,
): Html | string {
  const verb = paused ? 'resume' : 'pause'
  return actButton({
    viewer,
    action: pathTo(['queues', name, verb]),
    label: paused ? 'Resume' : 'Pause',
    hint: `the queue ${name}`,
    kind: paused ? 'primary' : 'plain',
  })
}
