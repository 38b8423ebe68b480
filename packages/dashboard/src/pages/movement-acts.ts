import type { BreakKind, Movement, Payment, RecordedBreak } from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import { dialogButton, field, textArea } from '../markup/forms.ts'
import { formatDecimal, formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { at, card, type Content } from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'

/**
 * The idempotency key of an act comes with its form and counts the acts of its kind so far: a form that is submitted twice, or
 * by two operators who saw the same page, is one act.
 */
const key = v.pipe(v.string(), v.regex(/^dashboard-\d{1,6}$/, 'The form is incomplete: reload the page.'))
/** In major units; '' is all that is left. */
const amount = v.optional(v.pipe(v.string(), v.trim(), v.maxLength(20, 'The amount is too long.')), '')

/** Reads the form of a refund. */
export const refundForm = v.object({
  key,
  amount,
  reason: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(500, 'The reason is too long.')), ''),
})
/** Reads the form of the refund of a charge that contradicts its payment. */
export const refundChargeForm = v.object({
  key,
  charge: v.pipe(v.string(), v.nonEmpty('The form is incomplete: reload the page.'), v.maxLength(300)),
})
/** Reads the form of a capture. */
export const captureForm = v.object({ key, amount })
/** Reads the form of a void. */
export const voidForm = v.object({ key })

/** Renders what an operator can do about the money of a payment; nothing when there is nothing. */
export function movementActs(payment: Payment, movements: readonly Movement[], viewer: Viewer): Content {
  const left = payment.amountCaptured - payment.refundsReserved
  if (viewer.formToken === undefined || payment.needsReview) return false
  if (payment.status === 'SUCCESS' && left > 0)
    return refundCard(payment, left, keyField(movements, 'refund'), viewer)
  const isUnderWay = movements.some(({ kind, status }) => kind !== 'refund' && status !== 'FAILED')
  return payment.waitsFor === 'capture' && !isUnderWay && authorizationCard(payment, movements, viewer)
}

function refundCard({ id, currency }: Payment, left: number, keyInput: Content, viewer: Viewer): Content {
  const fields = html`${keyInput} ${amountField(left, currency)}
  ${field('Reason', { name: 'reason', maxlength: 500, autocomplete: 'off' }, { hint: 'for your records' })}`
  const button = dialogButton({
    viewer,
    id: 'refund',
    action: pathTo(['payments', id, 'refund']),
    label: 'Refund',
    title: 'Refund this payment',
    text: `${formatMoney(left, currency)} can be refunded. The money goes back to the customer and cannot be fetched again.`,
    fields,
  })
  return card(
    'Refund',
    html`<div class="card-body actions">${formatMoney(left, currency)} left to refund ${button}</div>`,
  )
}

const KINDS_OF_CHARGES: ReadonlySet<BreakKind> = new Set([
  'late_charge',
  'duplicate_charge',
  'amount_mismatch',
  'currency_mismatch',
])

/** Renders the button that refunds a charge which contradicts its payment; nothing where that is impossible. */
export function refundChargeButton(
  { payment, movements }: { readonly payment: Payment; readonly movements: readonly Movement[] },
  one: RecordedBreak,
  viewer: Viewer,
): Content {
  const isOwn = payment.status === 'SUCCESS' && payment.gatewayRef === one.reference
  const isOpen = one.resolvedAt === null && one.amount !== null && KINDS_OF_CHARGES.has(one.kind)
  if (payment.parentId !== null || !isOpen || isOwn) return false
  const money = formatMoney(one.amount, one.currency ?? payment.currency)
  return dialogButton({
    viewer,
    id: `refund-${one.kind}-${one.reference}`,
    action: pathTo(['payments', payment.id, 'refund-charge']),
    label: 'Refund this charge',
    title: 'Refund this charge',
    text: `${money} of charge ${one.reference} go back to the customer and cannot be fetched again. Check first that it was not refunded at the gateway by hand: such a refund is recorded instead.`,
    fields: html`${keyField(movements, 'refund')}
      <input type="hidden" name="charge" value="${one.reference}" />`,
  })
}

/**
 * Renders the button that closes a contradiction with evidence; nothing where the payment is decided first, or where it is
 * the payment's own charge.
 */
export function recordUndoneButton(payment: Payment, one: RecordedBreak, viewer: Viewer): Content {
  const isOwn = payment.status === 'SUCCESS' && payment.gatewayRef === one.reference
  if (one.resolvedAt !== null || payment.needsReview || payment.status === 'PROCESSING' || isOwn) return false
  const reference = { name: 'refund_ref', maxlength: 200, autocomplete: 'off' }
  return dialogButton({
    viewer,
    id: `undone-${one.kind}-${one.reference}`,
    action: pathTo(['payments', payment.id, 'resolve']),
    label: 'Close',
    title: 'Close this contradiction',
    text: 'Nothing moves, and the status stays. Check at the gateway that the money was returned, or otherwise settled.',
    fields: html`<input type="hidden" name="to" value="REFUND" />
      <input type="hidden" name="gateway_ref" value="${one.reference}" />
      ${field('The gateway’s id of what settled it', reference, { hint: 'such as a refund' })}
      ${textArea('Evidence', { name: 'note', minlength: 10 })}`,
  })
}

function authorizationCard(payment: Payment, movements: readonly Movement[], viewer: Viewer): Content {
  const { id, currency, waitsUntil } = payment
  const authorized = formatMoney(payment.amount, currency)
  const capture = dialogButton({
    viewer,
    id: 'capture',
    action: pathTo(['payments', id, 'capture']),
    label: 'Capture',
    title: 'Capture this payment',
    text: 'The customer is charged. What is not captured is released.',
    fields: html`${keyField(movements, 'capture')} ${amountField(payment.amount, currency)}`,
  })
  const release = dialogButton({
    viewer,
    id: 'void',
    action: pathTo(['payments', id, 'void']),
    label: 'Release',
    title: 'Release this payment',
    text: 'Nothing is charged, and the payment becomes FAILED.',
    fields: html`${keyField(movements, 'void')}`,
  })
  const until = waitsUntil !== null && html` until ${at(waitsUntil)}`
  return card(
    'Authorization',
    html`<div class="card-body actions">
      <span>${authorized} are reserved${until}.</span> ${capture} ${release}
    </div>`,
  )
}

function amountField(most: number, currency: string): Content {
  const example = formatDecimal(most, currency)
  return field(
    `Amount in ${currency}`,
    { name: 'amount', inputmode: 'decimal', placeholder: example, maxlength: 20, autocomplete: 'off' },
    { hint: `empty: all, ${example}` },
  )
}

function keyField(movements: readonly Movement[], kind: Movement['kind']): Content {
  const count = movements.filter((movement) => movement.kind === kind).length
  return html`<input type="hidden" name="key" value="dashboard-${count + 1}" />`
}
