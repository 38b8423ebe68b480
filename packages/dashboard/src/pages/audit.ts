import { html } from 'hono/html'
import { at, card, emptyState, failedPart, table, type Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'
import { PAGE_ROWS, type Reading } from '../reads.ts'
import type { AuditEntry } from '../audit.ts'

/** What operators did here. */
export function auditPage(before: number | undefined, acts: Reading<AuditEntry[]>): Html {
  return html`<h1>Audit</h1>
    <p class="lead">
      Actions of operators and API keys in this dashboard, on the command line and over the API. Rows are
      never changed or deleted. An unproven name was only typed; an operator token proves a name.
    </p>
    <div id="list" ${before === undefined ? 'data-live' : ''}>
      ${'error' in acts ? failedPart('The record', 'PostgreSQL does not respond.') : card('Newest first', html`${actTable(acts.value.slice(0, PAGE_ROWS))}${pager(before, acts.value)}`)}
    </div>`
}

function actTable(acts: readonly AuditEntry[]): Html {
  return table({
    caption: 'Actions of operators',
    rows: acts,
    rowId: ({ id }) => `act-${id}`,
    empty: emptyState('No actions yet', 'Pauses, redrives, deletions and decisions are listed here.'),
    columns: [
      { title: 'When', cell: (entry) => at(entry.at) },
      { title: 'Who', cell: who },
      { title: 'Action', cell: ({ action }) => html`<strong>${action}</strong>` },
      { title: 'Target', cell: ({ target }) => html`<span class="mono break">${target}</span>` },
      { title: 'Evidence', cell: ({ note }) => html`<span class="break">${note === '' ? '–' : note}</span>` },
      { title: 'Outcome', cell: ({ outcome }) => html`<span class="break">${outcome ?? 'unknown'}</span>` },
    ],
  })
}

function who({ operator, credential, isProven }: AuditEntry): Html {
  return html`<span
    >${operator}${isProven ? '' : html` <span class="chip" data-status="UNKNOWN">unproven</span>`}<br />
    <span class="muted break">${credential}</span></span
  >`
}

function pager(before: number | undefined, acts: readonly AuditEntry[]): Html | string {
  const last = acts[PAGE_ROWS - 1]
  const hasMore = acts.length > PAGE_ROWS && last !== undefined
  if (!hasMore && before === undefined) return ''
  return html`<nav class="pager" aria-label="Pages of the list">
    ${before === undefined ? '' : html`<a class="button" href="${pathTo(['audit'])}">Newest</a>`}
    ${hasMore ? html`<a class="button" rel="next" href="${pathTo(['audit'], { before: last.id })}">Older</a>` : ''}
  </nav>`
}
