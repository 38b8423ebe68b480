import type { DeadLetter } from '@titan/queue-core'
import { html } from 'hono/html'
import { actButton, askButton } from '../markup/forms.ts'
import type { Viewer } from '../markup/layout.ts'
import { at, card, emptyState, facts, paymentLink, table, type Html } from '../markup/parts.ts'
import { paymentOf } from '../letters.ts'
import { pathTo } from '../paths.ts'
import { CAUSES } from './dead-letters.ts'

/** Renders one dead letter in full. */
export function deadLetterPage(queue: string, letter: DeadLetter, viewer: Viewer): Html {
  const { letterId, cause, error, enqueuedAt } = letter
  const payment = paymentOf(letter)
  return html`<p class="crumbs">
      <a href="${pathTo(['dead-letters'], { queue })}">Dead letters of ${queue}</a>
    </p>
    <div class="title">
      <h1>${letter.name === '' ? 'Unreadable job' : letter.name}</h1>
      <span class="chip" data-status="FAILED">${CAUSES[cause]}</span>
    </div>
    <p class="mono break">${letterId}</p>
    ${
      viewer.formToken === undefined
        ? ''
        : html`<div class="actions bulk">
            ${actButton({ viewer, action: pathTo(['dead-letters', queue, letterId, 'redrive']), label: 'Redrive', kind: 'primary' })}
            ${askButton({
              viewer,
              id: 'delete-letter',
              action: pathTo(['dead-letters', queue, letterId, 'delete']),
              label: 'Delete',
              title: 'Delete this dead letter?',
              text: 'It cannot be restored.',
              noteLabel: 'Why it can be deleted',
            })}
          </div>`
    }
    ${card(
      'Details',
      facts([
        ['Job', html`<span class="mono break">${letter.id === '' ? '–' : letter.id}</span>`],
        payment !== undefined && ['Payment', paymentLink(payment)],
        ['Error', html`<span class="break">${error === '' ? '–' : error}</span>`],
        ['Died', at(new Date(letter.deadAt))],
        enqueuedAt !== undefined && ['Enqueued', at(new Date(enqueuedAt))],
        ['Dead-lettered by', letter.worker === '' ? '–' : letter.worker],
        ['Failures', String(letter.failures)],
        ['Crashes', String(letter.crashes)],
        ['Priority', letter.priority],
        ['Redriven before', `${letter.redrives} times`],
      ]),
    )}
    <div class="columns">
      ${card('Last failures', failureTable(letter))}
      ${card('Stored entry', html`<pre class="mono" tabindex="0">${JSON.stringify(letter.fields, null, 2)}</pre>`)}
    </div>`
}

function failureTable({ history }: DeadLetter): Html {
  return table({
    caption: 'The last failures, oldest first',
    rows: history,
    rowId: ({ at: when }) => `failure-${when}`,
    empty: emptyState(
      'None recorded',
      'It became a dead letter at its first failure, or its entry could not be read.',
    ),
    columns: [
      { title: 'When', cell: ({ at: when }) => at(new Date(when)) },
      { title: 'Cause', cell: ({ cause }) => CAUSES[cause] },
      { title: 'Error', cell: ({ error }) => html`<span class="break">${error}</span>` },
    ],
  })
}
