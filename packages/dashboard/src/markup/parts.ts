import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { formatAge, formatTime, shortenId } from './format.ts'
import { pathTo } from '../paths.ts'

/** Markup whose values have been escaped. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => Html | string | number
  /** Numbers are aligned to the right. */
  readonly isNumber?: boolean
}

/** Renders a table that turns into cards on a narrow screen. */
export function table<Row>({
  caption,
  columns,
  rows,
  rowId,
  empty,
}: {
  /** Text for screen readers. */
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

/** Renders a part of a page. One value that cannot be shown must not break the page. */
export function guarded<Part>(make: () => Part, otherwise: Part): Part {
  try {
    const part = make()
    return part instanceof Promise ? (part.catch(() => otherwise) as Part) : part
  } catch {
    return otherwise
  }
}

/** Renders what an empty list says. */
export function emptyState(title: string, text: string): Html {
  return html`<p class="empty-title">${title}</p>
    <p>${text}</p>`
}

/** Renders a part of a page that could not be read. */
export function failedPart(what: string, why: string): Html {
  return html`<div class="notice notice-error" role="status">
    <strong>${what} cannot be read.</strong> ${why} This page tries again automatically.
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

/** Renders a status in its colour and in words. */
export function chip(status: string): Html {
  return html`<span class="chip" data-status="${status}">${CHIP_WORDS[status] ?? status}</span>`
}

/** Stands for a time that was not recorded or cannot be read. */
const UNKNOWN_TIME = html`<span class="muted">unknown</span>`

/** Renders how long ago a time was, with the exact time as a tooltip. */
export function ago(time: Date): Html {
  if (Number.isNaN(time.getTime())) return UNKNOWN_TIME
  return html`<time datetime="${time.toISOString()}" title="${formatTime(time)} UTC"
    >${formatAge(time)}</time
  >`
}

/** Renders a time exactly. */
export function at(time: Date): Html {
  if (Number.isNaN(time.getTime())) return UNKNOWN_TIME
  return html`<time datetime="${time.toISOString()}"
    >${formatTime(time)} <span class="muted">UTC</span></time
  >`
}

/** Renders a payment's id as a link. */
export function paymentLink(id: string): Html {
  return html`<a class="mono" href="${pathTo(['payments', id])}" title="${id}">${shortenId(id)}</a>`
}

/** Renders a list of terms and descriptions; false ones are left out. */
export function facts(pairs: readonly (readonly [term: string, description: Html | string] | false)[]): Html {
  return html`<dl class="facts">
    ${pairs
      .filter((pair) => pair !== false)
      .map(
        ([term, description]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${description}</dd>
          </div>`,
      )}
  </dl>`
}

/** Renders a section with a heading and, at its right, an action. */
export function card(title: string, content: Html, aside: Html | string = ''): Html {
  return html`<section class="card">
    <header class="card-head">
      <h2>${title}</h2>
      ${aside}
    </header>
    ${content}
  </section>`
}
