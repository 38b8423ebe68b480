import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { formatAge, formatTime, shortenId } from './format.ts'
import { pathTo } from '../paths.ts'

/** Markup; whatever is put into it was escaped. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => Html | string | number
  /** Numbers stand at the right. */
  readonly isNumber?: boolean
}

/** A table that turns into cards on a narrow screen. */
export function table<Row>({
  caption,
  columns,
  rows,
  rowId,
  empty,
}: {
  /** Told to screen readers. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  /** Keeps a row the same row when the page is refreshed. */
  readonly rowId: (row: Row) => string
  readonly empty: Html
}): Html {
  if (rows.length === 0) return html`<div class="empty">${empty}</div>`
  return html`<div class="scroll">
    <table>
      <caption class="sr-only">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(
            ({ title, isNumber }) =>
              html`<th scope="col" class="${isNumber === true ? 'number' : ''}">${title}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row, at) =>
            html`<tr id="row-${guarded(() => rowId(row), String(at))}">
              ${columns.map(
                ({ title, cell, isNumber }) =>
                  html`<td data-label="${title}" class="${isNumber === true ? 'number' : ''}">
                    ${guarded<Html | string | number>(() => cell(row), UNREADABLE)}
                  </td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** What stands where a value cannot be shown. */
const UNREADABLE = 'cannot be shown'

/** Makes a part of a page. One value that cannot be shown must not take the page away from the others. */
export function guarded<Part>(make: () => Part, otherwise: Part): Part {
  try {
    const part = make()
    return part instanceof Promise ? (part.catch(() => otherwise) as Part) : part
  } catch {
    return otherwise
  }
}

/** What a list says when it has nothing to show. */
export function emptyState(title: string, text: string): Html {
  return html`<p class="empty-title">${title}</p>
    <p>${text}</p>`
}

/** A part of a page that could not be read. */
export function failedPart(what: string, why: string): Html {
  return html`<div class="notice notice-error" role="status">
    <strong>${what} cannot be read at the moment.</strong> ${why} This page tries again by itself.
  </div>`
}

const CHIP_WORDS: Readonly<Record<string, string>> = {
  PENDING: 'Pending',
  QUEUED: 'Queued',
  PROCESSING: 'Processing',
  SUCCESS: 'Success',
  FAILED: 'Failed',
  DELIVERED: 'Delivered',
  REVIEW: 'In review',
  UNKNOWN: 'Outcome unknown',
  SUCCEEDED: 'Succeeded',
  DECLINED: 'Declined',
  NOT_SENT: 'Not sent',
}

/** A status in its colour, and in words. */
export function chip(status: string): Html {
  return html`<span class="chip" data-status="${status}">${CHIP_WORDS[status] ?? status}</span>`
}

/** For a moment that was not recorded or cannot be read. */
const UNKNOWN_TIME = html`<span class="muted">unknown</span>`

/** A moment: how long ago, and exactly when under the pointer. */
export function ago(moment: Date): Html {
  if (Number.isNaN(moment.getTime())) return UNKNOWN_TIME
  return html`<time datetime="${moment.toISOString()}" title="${formatTime(moment)} UTC"
    >${formatAge(moment)}</time
  >`
}

/** A moment, exactly. */
export function at(moment: Date): Html {
  if (Number.isNaN(moment.getTime())) return UNKNOWN_TIME
  return html`<time datetime="${moment.toISOString()}"
    >${formatTime(moment)} <span class="muted">UTC</span></time
  >`
}

/** A payment's id as a link. */
export function paymentLink(id: string): Html {
  return html`<a class="mono" href="${pathTo(['payments', id])}" title="${id}">${shortenId(id)}</a>`
}

/** A list of terms and what they are. */
export function facts(pairs: readonly (readonly [term: string, description: Html | string])[]): Html {
  return html`<dl class="facts">
    ${pairs.map(
      ([term, description]) =>
        html`<div>
          <dt>${term}</dt>
          <dd>${description}</dd>
        </div>`,
    )}
  </dl>`
}

/** A section with a heading and, at its right, something to do. */
export function card(title: string, content: Html, aside: Html | string = ''): Html {
  return html`<section class="card">
    <header class="card-head">
      <h2>${title}</h2>
      ${aside}
    </header>
    ${content}
  </section>`
}
