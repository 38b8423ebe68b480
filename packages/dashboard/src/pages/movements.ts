import type { Movement } from '@titan/payments'
import { html } from 'hono/html'
import { formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { ago, chip, paymentLink, prose, table, type Html } from '../markup/parts.ts'

/** Kinds of movements, as pages name them. */
export const KIND_WORDS: Readonly<Record<Movement['kind'], string>> = {
  refund: 'Refund',
  capture: 'Capture',
  void: 'Release',
}

/** Renders the refunds, captures and voids of a payment. */
export function movementTable(movements: readonly Movement[], { seesDetails }: Viewer): Html {
  return table({
    caption: 'Refunds, captures and releases',
    rows: movements,
    rowId: ({ id }) => id,
    empty: html``,
    columns: [
      { title: 'Kind', cell: ({ kind }) => KIND_WORDS[kind] },
      { title: 'Movement', cell: ({ id }) => paymentLink(id) },
      { title: 'Status', cell: movementStatus },
      { title: 'Amount', isNumber: true, cell: ({ amount, currency }) => formatMoney(amount, currency) },
      seesDetails && { title: 'Reason', cell: ({ reason }) => prose(reason) },
      { title: 'Failure', cell: ({ failureCode }) => failureCode ?? '–' },
      { title: 'Changed', cell: ({ updatedAt }) => ago(updatedAt) },
    ],
  })
}

/** Renders the status of a movement, and what it hides. */
export function movementStatus({ status, needsReview, unknownSince }: Movement): Html {
  const hidden = needsReview ? 'REVIEW' : unknownSince !== null && 'UNKNOWN'
  return html`${chip(status)} ${hidden && chip(hidden)}`
}
