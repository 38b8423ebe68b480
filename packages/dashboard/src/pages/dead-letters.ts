import { FAILURE_CAUSES, type DeadLetter, type DeadLettersFound, type FailureCause } from '@titan/queue-core'
import { html } from 'hono/html'
import * as v from 'valibot'
import { actButton, askButton, options } from '../markup/forms.ts'
import { formatNumber } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { ago, card, emptyState, failedPart, paymentLink, table, type Html } from '../markup/parts.ts'
import { paymentOf, type LetterFilter } from '../letters.ts'
import { pathTo } from '../paths.ts'
import type { Reading } from '../reads.ts'

/** Causes of dead letters, in words. */
export const CAUSES: Readonly<Record<FailureCause, string>> = {
  handler_error: 'Handler failed',
  timeout: 'Timed out',
  unrecoverable: 'Unrecoverable',
  worker_crash: 'Workers crashed',
  unknown_job: 'No handler',
  invalid_payload: 'Invalid data',
  undecodable: 'Unreadable entry',
}

/** The filter of the dead letters, and the page. */
export interface LetterSearch extends LetterFilter {
  /** '' is the first. */
  readonly queue: string
  /** The last dead letter of the previous page; '' is the beginning. */
  readonly after: string
}

/** Reads the filter from a query or a form. */
export const letterSearch: v.GenericSchema<unknown, LetterSearch> = v.object({
  queue: v.optional(v.pipe(v.string(), v.maxLength(100)), ''),
  cause: v.optional(v.picklist(['', ...FAILURE_CAUSES]), ''),
  text: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(200)), ''),
  after: v.optional(v.pipe(v.string(), v.regex(/^[\d.-]{0,60}$/)), ''),
})

/** Renders the dead letters of a queue. */
export function deadLettersPage(
  {
    search,
    queues,
    found,
  }: {
    readonly search: LetterSearch
    readonly queues: readonly string[]
    readonly found: Reading<DeadLettersFound>
  },
  viewer: Viewer,
): Html {
  const { queue, cause, text } = search
  const causes = [['', 'Any cause'], ...Object.entries(CAUSES)] as [string, string][]
  const isFiltered = cause !== '' || text !== ''
  return html`<h1>Dead letters</h1>
    <p class="lead">
      Jobs that cannot succeed or used up their attempts, oldest first. A payment does not end with its job:
      the reconciler enqueues it again.
    </p>
    <form class="card filters" role="search" action="${pathTo(['dead-letters'])}">
      <label
        >Queue<select name="queue">
          ${options(
            queues.map((name) => [name, name] as const),
            queue,
          )}
        </select></label
      >
      <label
        >Cause<select name="cause">
          ${options(causes, cause)}
        </select></label
      >
      <label class="wide"
        >Text in the error, id or data<input
          type="search"
          name="text"
          value="${text}"
          maxlength="200"
          autocomplete="off"
          spellcheck="false"
      /></label>
      <div class="actions">
        <button class="button primary">Filter</button>
        ${isFiltered ? html`<a class="button" href="${pathTo(['dead-letters'], { queue })}">Clear</a>` : ''}
      </div>
    </form>
    ${bulkActs(search, found, isFiltered, viewer)}
    <div id="list" data-live>
      ${'error' in found ? failedPart('The dead letters', 'Redis does not respond.') : card(`In ${queue}`, letterTable(search, found.value, isFiltered, viewer))}
    </div>`
}

function bulkActs(
  search: LetterSearch,
  found: Reading<DeadLettersFound>,
  isFiltered: boolean,
  viewer: Viewer,
): Html | string {
  if (viewer.formToken === undefined || 'error' in found || found.value.deadLetters.length === 0) return ''
  const which = isFiltered ? 'that match' : 'of this queue'
  const fields = [
    html`<input type="hidden" name="cause" value="${search.cause}" />`,
    html`<input type="hidden" name="text" value="${search.text}" />`,
  ]
  return html`<div class="actions bulk">
    <form
      method="post"
      action="${pathTo(['queues', search.queue, 'dead-letters', 'redrive'])}"
      class="inline"
    >
      <input type="hidden" name="form_token" value="${viewer.formToken}" />${fields}
      <button class="button primary">Redrive all ${which}</button>
    </form>
    ${askButton({
      viewer,
      id: 'delete-all',
      action: pathTo(['queues', search.queue, 'dead-letters', 'delete']),
      label: `Delete all ${which}`,
      title: `Delete all dead letters ${which}?`,
      text: 'They cannot be restored. The payments stay; the reconciler enqueues those that have not ended.',
      noteLabel: 'Why they can be deleted',
      fields,
    })}
  </div>`
}

function letterTable(
  search: LetterSearch,
  found: DeadLettersFound,
  isFiltered: boolean,
  viewer: Viewer,
): Html {
  return html`${table({
    caption: 'Dead letters',
    rows: found.deadLetters,
    rowId: ({ letterId }) => letterId,
    empty: isFiltered
      ? emptyState('No dead letter matches', `${formatNumber(found.scanned)} were searched.`)
      : emptyState('No dead letters', 'Every job is done or still has attempts left.'),
    columns: [
      { title: 'Job', cell: (letter) => subject(search.queue, letter) },
      { title: 'Cause', cell: ({ cause }) => CAUSES[cause] },
      {
        title: 'Error',
        cell: ({ error }) => html`<span class="clip" title="${error}">${error === '' ? '–' : error}</span>`,
      },
      { title: 'Failures', isNumber: true, cell: ({ failures, crashes }) => failures + crashes },
      { title: 'Died', cell: ({ deadAt }) => ago(new Date(deadAt)) },
      { title: 'Actions', cell: (letter) => acts(search.queue, letter, viewer) },
    ],
  })}
  ${
    found.next === undefined && search.after === ''
      ? ''
      : html`<nav class="pager" aria-label="Pages of the list">
          ${search.after === '' ? '' : html`<a class="button" href="${pathTo(['dead-letters'], { ...search, after: '' })}">Oldest</a>`}
          ${found.next === undefined ? '' : html`<a class="button" rel="next" href="${pathTo(['dead-letters'], { ...search, after: found.next })}">Newer</a>`}
        </nav>`
  }`
}

function subject(queue: string, letter: DeadLetter): Html {
  const payment = paymentOf(letter)
  return payment === undefined
    ? html`<a class="mono" href="${pathTo(['dead-letters', queue, letter.letterId])}"
        >${letter.name || 'unreadable'} ${letter.id}</a
      >`
    : paymentLink(payment)
}

function acts(queue: string, { letterId }: DeadLetter, viewer: Viewer): Html {
  return html`<div class="actions">
    <a class="button" href="${pathTo(['dead-letters', queue, letterId])}"
      >Inspect<span class="sr-only"> ${letterId}</span></a
    >
    ${actButton({ viewer, action: pathTo(['dead-letters', queue, letterId, 'redrive']), label: 'Redrive', hint: letterId })}
  </div>`
}
