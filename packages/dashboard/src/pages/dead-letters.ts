import { FAILURE_CAUSES, type DeadLetter, type DeadLettersFound, type FailureCause } from '@titan/queue-core'
import { html } from 'hono/html'
import * as v from 'valibot'
import { paymentOf } from '../reads/letters.ts'
import { actButton, askButton, field, searchForm, select } from '../markup/forms.ts'
import { formatNumber } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import {
  ago,
  at,
  card,
  emptyState,
  facts,
  mono,
  pager,
  partOf,
  paymentLink,
  prose,
  table,
  tag,
  type Content,
  type Html,
} from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import type { Reading } from '../reads/reads.ts'

/** Causes of dead letters, in words. */
const CAUSES: Readonly<Record<FailureCause, string>> = {
  handler_error: 'Handler failed',
  timeout: 'Timed out',
  unrecoverable: 'Unrecoverable',
  worker_crash: 'Workers crashed',
  unknown_job: 'No handler',
  invalid_payload: 'Invalid data',
  undecodable: 'Unreadable entry',
}

/** Reads the filter of the dead letters and the page from a query or a form; '' is any. */
export const letterSearch = v.object({
  /** '' is the first. */
  queue: v.optional(v.pipe(v.string(), v.maxLength(100)), ''),
  cause: v.optional(v.picklist(['', ...FAILURE_CAUSES]), ''),
  text: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(200)), ''),
  /** The last dead letter of the previous page. */
  after: v.optional(v.pipe(v.string(), v.regex(/^[\d.-]{0,60}$/)), ''),
})

type LetterSearch = v.InferOutput<typeof letterSearch>

/** Renders the dead letters of a queue. */
export function deadLettersPage(
  search: LetterSearch,
  queues: readonly string[],
  found: Reading<DeadLettersFound>,
  viewer: Viewer,
): Html {
  const { queue, cause, text } = search
  const isFiltered = cause !== '' || text !== ''
  return html`<h1>Dead letters</h1>
    <p class="lead">
      Jobs that cannot succeed or used up their attempts, oldest first. A payment does not end with its job:
      the reconciler enqueues it again.
    </p>
    ${searchForm(
      pathTo(['dead-letters']),
      'Filter',
      [
        select(
          'Queue',
          'queue',
          queues.map((name) => [name, name]),
          queue,
        ),
        select('Cause', 'cause', [['', 'Any cause'], ...Object.entries(CAUSES)], cause),
        field(
          'Text in the error, id or data',
          { name: 'text', value: text, type: 'search', maxlength: 200, autocomplete: 'off' },
          { isWide: true },
        ),
      ],
      isFiltered && pathTo(['dead-letters'], { queue }),
    )}
    ${'value' in found && found.value.deadLetters.length > 0 && bulkActs(search, isFiltered, viewer)}
    <div id="list" data-live>
      ${partOf(found, 'The dead letters', 'Redis does not respond.', (letters) =>
        card(
          `In ${queue}`,
          html`${letterTable(search, letters, isFiltered, viewer)}${pagerOf(search, letters)}`,
        ),
      )}
    </div>`
}

function bulkActs({ queue, cause, text }: LetterSearch, isFiltered: boolean, viewer: Viewer): Content {
  if (viewer.formToken === undefined) return false
  const which = isFiltered ? 'that match' : 'of this queue'
  const act = (verb: string): string => pathTo(['queues', queue, 'dead-letters', verb])
  const fields = html`<input type="hidden" name="cause" value="${cause}" />
    <input type="hidden" name="text" value="${text}" />`
  return html`<div class="actions">
    ${actButton({ viewer, action: act('redrive'), label: `Redrive all ${which}`, kind: 'primary', fields })}
    ${askButton({
      viewer,
      action: act('delete'),
      label: `Delete all ${which}`,
      title: `Delete all dead letters ${which}?`,
      text: 'They cannot be restored. The payments stay; the reconciler enqueues those that have not ended.',
      noteLabel: 'Why they can be deleted',
      fields,
    })}
  </div>`
}

function letterTable(
  { queue }: LetterSearch,
  { deadLetters, scanned }: DeadLettersFound,
  isFiltered: boolean,
  viewer: Viewer,
): Html {
  return table({
    caption: 'Dead letters',
    rows: deadLetters,
    rowId: ({ letterId }) => letterId,
    empty: isFiltered
      ? emptyState('No dead letter matches', `${formatNumber(scanned)} were searched.`)
      : emptyState('No dead letters', 'Every job is done or still has attempts left.'),
    columns: [
      { title: 'Job', cell: (letter) => subject(queue, letter) },
      { title: 'Cause', cell: ({ cause }) => CAUSES[cause] },
      {
        title: 'Error',
        cell: ({ error }) => html`<span class="clip" title="${error}">${error || '–'}</span>`,
      },
      { title: 'Failures', isNumber: true, cell: ({ failures, crashes }) => failures + crashes },
      { title: 'Died', cell: ({ deadAt }) => ago(new Date(deadAt)) },
      { title: 'Actions', cell: (letter) => acts(queue, letter, viewer) },
    ],
  })
}

function pagerOf(search: LetterSearch, { next }: DeadLettersFound): Content {
  const to = (after: string): string => pathTo(['dead-letters'], { ...search, after })
  return pager(search.after !== '' && ['Oldest', to('')], next !== undefined && ['Newer', to(next)])
}

function subject(queue: string, letter: DeadLetter): Html {
  const { letterId, name, id } = letter
  const payment = paymentOf(letter)
  if (payment !== undefined) return paymentLink(payment)
  const path = pathTo(['dead-letters', queue, letterId])
  return html`<a class="mono" href="${path}">${name || 'unreadable'} ${id}</a>`
}

function acts(queue: string, { letterId }: DeadLetter, viewer: Viewer): Html {
  const path = pathTo(['dead-letters', queue, letterId])
  const action = pathTo(['dead-letters', queue, letterId, 'redrive'])
  return html`<div class="actions">
    <a class="button" href="${path}">Inspect<span class="sr-only"> ${letterId}</span></a>
    ${actButton({ viewer, action, label: 'Redrive', hint: letterId })}
  </div>`
}

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
    ${letterActs(queue, letterId, viewer)}
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

function letterActs(queue: string, letterId: string, viewer: Viewer): Content {
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
