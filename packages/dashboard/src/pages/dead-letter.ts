import type { DeadLetter } from '@titan/queue-core'
import { html } from 'hono/html'
import { paymentOf } from '../reads/letters.ts'
import { actButton, askButton } from '../markup/forms.ts'
import type { Viewer } from '../markup/layout.ts'
import {
  at,
  card,
  emptyState,
  facts,
  mono,
  paymentLink,
  prose,
  table,
  tag,
  type Content,
  type Html,
} from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import { CAUSES } from './dead-letters.ts'

/** Renders one dead letter in full. */
export function deadLetterPage(queue: string, letter: DeadLetter, viewer: Viewer): Html {
  const { letterId, cause, enqueuedAt } = letter
  const payment = paymentOf(letter)
  return html`<p>
      <a href="${pathTo(['dead-letters'], { queue })}">Dead letters of ${queue}</a>
    </p>
    <div class="title">
      <h1>${letter.name === '' ? 'Unreadable job' : letter.name}</h1>
      ${tag('red', CAUSES[cause])}
      <span class="mono break">${letterId}</span>
    </div>
    ${acts(queue, letterId, viewer)}
    ${card(
      'Details',
      facts([
        ['Job', mono(letter.id)],
        payment !== undefined && ['Payment', paymentLink(payment)],
        ['Error', prose(letter.error)],
        ['Died', at(new Date(letter.deadAt))],
        enqueuedAt !== undefined && ['Enqueued', at(new Date(enqueuedAt))],
        ['Dead-lettered by', letter.worker || '–'],
        ['Failures', letter.failures],
        ['Crashes', letter.crashes],
        ['Priority', letter.priority],
        ['Redriven before', `${letter.redrives} times`],
      ]),
    )}
    <div class="columns">
      ${card('Last failures', failureTable(letter))}
      ${card('Stored entry', html`<pre class="mono" tabindex="0">${JSON.stringify(letter.fields, null, 2)}</pre>`)}
    </div>`
}

function acts(queue: string, letterId: string, viewer: Viewer): Content {
  if (viewer.formToken === undefined) return false
  const act = (verb: string): string => pathTo(['dead-letters', queue, letterId, verb])
  return html`<div class="actions">
    ${actButton({ viewer, action: act('redrive'), label: 'Redrive', kind: 'primary' })}
    ${askButton({
      viewer,
      action: act('delete'),
      label: 'Delete',
      title: 'Delete this dead letter?',
      text: 'It cannot be restored.',
      noteLabel: 'Why it can be deleted',
    })}
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
      { title: 'Error', cell: ({ error }) => prose(error) },
    ],
  })
}
