import { html } from 'hono/html'
import type { AuditEntry } from '../audit.ts'
import { at, card, emptyState, mono, pager, partOf, prose, table, tag, type Html } from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import { PAGE_ROWS, type Reading } from '../reads/reads.ts'

/** Renders what operators did. `acts` has one row more than a page when there are older ones. */
export function auditPage(before: number | undefined, acts: Reading<AuditEntry[]>): Html {
  return html`<h1>Audit</h1>
    <p class="lead">
      Actions of operators and API keys in this dashboard, on the command line and over the API. Rows are
      never changed or deleted. An unproven name was only typed; an operator token proves a name.
    </p>
    <div id="list" ${before === undefined && 'data-live'}>
      ${partOf(acts, 'The record', 'PostgreSQL does not respond.', (found) => {
        const last = found.length > PAGE_ROWS ? found[PAGE_ROWS - 1] : undefined
        const newest = before !== undefined && (['Newest', pathTo(['audit'])] as const)
        const older = last !== undefined && (['Older', pathTo(['audit'], { before: last.id })] as const)
        return card('Newest first', html`${actTable(found.slice(0, PAGE_ROWS))}${pager(newest, older)}`)
      })}
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
      { title: 'Target', cell: ({ target }) => mono(target) },
      { title: 'Evidence', cell: ({ note }) => prose(note) },
      { title: 'Outcome', cell: ({ outcome }) => prose(outcome ?? 'unknown') },
    ],
  })
}

function who({ operator, credential, isProven }: AuditEntry): Html {
  return html`<div>
    ${operator}${!isProven && html` ${tag('amber', 'unproven')}`}<br />
    <span class="muted break">${credential}</span>
  </div>`
}
