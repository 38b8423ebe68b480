import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { pathTo } from '../web/paths.ts'
import type { Reading } from '../reads/reads.ts'
import { formatAge, formatTime, shortenId } from './format.ts'

/** Markup whose values have been escaped. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** What may stand in markup: text is escaped, and `false` is nothing. */
export type Content = Html | string | number | false

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => Content
  /** Numbers are aligned to the right. */
  readonly isNumber?: boolean
}

/** Renders a table that turns into cards on a narrow screen. */
export function table<Row>(given: {
  /** Text for screen readers. */
  readonly caption: string
  /** Those that are false are left out. */
  readonly columns: readonly (Column<Row> | false)[]
  readonly rows: readonly Row[]
  /** Keeps a row the same row when the page is refreshed. */
  readonly rowId: (row: Row) => string
  readonly empty: Html
}): Html {
  const { caption, rows, rowId, empty } = given
  if (rows.length === 0) return html`<div class="empty">${empty}</div>`
  const columns = given.columns.filter((column) => column !== false)
  const kind = ({ isNumber }: Column<Row>): string => (isNumber === true ? 'number' : '')
  const cellOf = (row: Row, column: Column<Row>): Html =>
    html`<td data-label="${column.title}" class="${kind(column)}">
      ${guarded(() => column.cell(row), 'cannot be shown')}
    </td>`
  return html`<div class="scroll">
    <table>
      <caption class="sr-only">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class="${kind(column)}">${column.title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row, at) =>
            html`<tr id="row-${guarded(() => rowId(row), String(at))}">
              ${columns.map((column) => cellOf(row, column))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** Makes a part of a page. One value that cannot be shown must not break the page. */
function guarded(make: () => Content, otherwise: string): Content {
  try {
    const part = make()
    return part instanceof Promise ? part.catch(() => otherwise as HtmlEscapedString) : part
  } catch {
    return otherwise
  }
}

/** Renders what an empty list says. */
export function emptyState(title: string, text: string): Html {
  return html`<p><strong>${title}</strong></p>
    <p>${text}</p>`
}

/** Renders what was read; or, where it could not be read, `what` and why. */
export function partOf<Value>(
  found: Reading<Value>,
  what: string,
  why: string,
  render: (value: Value) => Html,
): Html {
  if ('value' in found) return render(found.value)
  return html`<div class="notice" data-tone="red" role="status">
    <strong>${what} cannot be read.</strong> ${why} This page tries again automatically.
  </div>`
}

/** A colour that says how good or bad something is; style.css names them. */
type Tone = 'grey' | 'blue' | 'amber' | 'green' | 'red' | 'violet'

const TONES: Readonly<Record<string, Tone>> = {
  QUEUED: 'blue',
  PROCESSING: 'amber',
  UNKNOWN: 'amber',
  SUCCESS: 'green',
  SUCCEEDED: 'green',
  DELIVERED: 'green',
  FAILED: 'red',
  DECLINED: 'red',
  REVIEW: 'violet',
  DISPUTED: 'violet',
  AUTHORIZED: 'blue',
  AWAITING_CUSTOMER: 'blue',
}

/** Returns the colour of a status. */
export function toneOf(status: string): Tone {
  return TONES[status] ?? 'grey'
}

const WORDS: Readonly<Record<string, string>> = { REVIEW: 'In review', UNKNOWN: 'Outcome unknown' }

/** Returns a status in words: `NOT_SENT` is `Not sent`. */
export function wordsOf(status: string): string {
  return WORDS[status] ?? `${status.charAt(0)}${status.slice(1).toLowerCase().replaceAll('_', ' ')}`
}

/** Renders a status in its colour and in words. */
export function chip(status: string): Html {
  return tag(toneOf(status), wordsOf(status))
}

/** Renders a few words in a colour. */
export function tag(tone: Tone, words: string): Html {
  return html`<span class="chip" data-tone="${tone}">${words}</span>`
}

/** Renders how long ago a time was, with the exact time as a tooltip. */
export function ago(time: Date): Html {
  return timeAs(time, formatAge)
}

/** Renders a time exactly. */
export function at(time: Date): Html {
  return timeAs(time, (known) => html`${formatTime(known)} <span class="muted">UTC</span>`)
}

function timeAs(time: Date, format: (known: Date) => Content): Html {
  // It was not recorded, or cannot be read.
  if (Number.isNaN(time.getTime())) return html`<span class="muted">unknown</span>`
  return html`<time datetime="${time.toISOString()}" title="${formatTime(time)} UTC">${format(time)}</time>`
}

/** Renders an id or another word for machines, broken where it is too long. */
export function mono(text: string | null | undefined): Html {
  return html`<span class="mono break">${text || '–'}</span>`
}

/** Renders a text of any length. */
export function prose(text: string | null): Html {
  return html`<span class="break">${text || '–'}</span>`
}

/** Renders a payment's id as a link. */
export function paymentLink(id: string): Html {
  return html`<a class="mono" href="${pathTo(['payments', id])}" title="${id}">${shortenId(id)}</a>`
}

/** Renders a list of terms and descriptions; false ones are left out. */
export function facts(
  pairs: readonly (readonly [term: string, description: Content] | false)[],
  kind: 'facts' | 'evidence' = 'facts',
): Html {
  const shown = pairs.filter((pair) => pair !== false)
  return html`<dl class="${kind}">
    ${shown.map(
      ([term, description]) =>
        html`<div>
          <dt>${term}</dt>
          <dd class="break">${description}</dd>
        </div>`,
    )}
  </dl>`
}

/** Renders a section with a heading. */
export function card(title: string, content: Html): Html {
  return html`<section class="card">
    <header class="card-head"><h2>${title}</h2></header>
    ${content}
  </section>`
}

type Link = readonly [label: string, path: string] | false

/** Renders links to the first page of a list and to the next one. */
export function pager(first: Link, next: Link): Content {
  if (!first && !next) return false
  return html`<nav class="pager actions" aria-label="Pages of the list">
    ${first && html`<a class="button" href="${first[1]}">${first[0]}</a>`}
    ${next && html`<a class="button" rel="next" href="${next[1]}">${next[0]}</a>`}
  </nav>`
}
