import { kindOf, type Movement, type MovementKind, type Payment, type RecordedBreak } from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import { actButton, actForm, field, textArea } from '../markup/forms.ts'
import { formatMoney } from '../markup/format.ts'
import type { Viewer } from '../markup/layout.ts'
import { ago, card, mono, prose, table, type Content, type Html } from '../markup/parts.ts'
import { pathTo } from '../web/paths.ts'
import { recordUndoneButton, refundChargeButton } from './movement-acts.ts'

const MIN_NOTE = 10
const note = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(MIN_NOTE, `Describe the evidence in at least ${MIN_NOTE} characters.`),
  v.maxLength(2_000, 'The evidence is too long: 2000 characters at most.'),
)

const reference = (missing: string) =>
  v.pipe(
    v.string(),
    v.trim(),
    v.nonEmpty(missing),
    v.maxLength(200, 'The gateway’s id is too long: 200 characters at most.'),
  )
const charge = reference('Enter the gateway’s id of the charge.')

/** Reads an operator's decision about a payment in review, and its evidence, from the form. */
export const resolution = v.variant(
  'to',
  [
    v.object({
      to: v.literal('SUCCESS'),
      note,
      gateway_ref: charge,
      confirmed_ref: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(200)), ''),
    }),
    v.object({
      to: v.literal('REFUND'),
      note,
      gateway_ref: charge,
      refund_ref: reference('Enter the gateway’s id of the refund.'),
    }),
    v.object({ to: v.picklist(['FAILED', 'RETRY']), note }),
  ],
  'Choose what the gateway did.',
)

/** Kinds of contradictions, as pages name them. */
export const BREAK_WORDS: Readonly<Record<RecordedBreak['kind'], string>> = {
  missing_at_gateway: 'Missing at the gateway',
  missing_here: 'Charge without a payment',
  amount_mismatch: 'Another amount was charged',
  currency_mismatch: 'Another currency was charged',
  status_mismatch: 'The gateway has another status',
  duplicate_charge: 'Charged a second time',
  late_charge: 'A closed attempt was charged',
  refund_failed: 'A refund failed after its success',
}

interface ChargesContent {
  readonly payment: Payment
  readonly movements: readonly Movement[]
  readonly breaks: readonly RecordedBreak[]
}

/** Renders the charges that contradict a payment, each with the booked amount next to the charged one. */
export function chargesCard({ payment, movements, breaks }: ChargesContent, viewer: Viewer): Html {
  const { amount, currency } = payment
  const charged = (one: RecordedBreak): string =>
    one.amount === null ? 'not on record' : formatMoney(one.amount, one.currency ?? currency)
  const list = table({
    caption: 'Charges that contradict this payment',
    rows: breaks,
    rowId: ({ kind, reference: id }) => `break-${kind}-${id}`,
    empty: html``,
    columns: [
      { title: 'Kind', cell: ({ kind }) => BREAK_WORDS[kind] },
      { title: 'Booked', isNumber: true, cell: () => formatMoney(amount, currency) },
      { title: 'Charged', isNumber: true, cell: charged },
      { title: 'Charge', cell: (one) => mono(one.reference) },
      { title: 'Found', cell: ({ detectedAt }) => ago(detectedAt) },
      { title: 'State', cell: (one) => prose(stateOf(one)) },
      viewer.formToken !== undefined && {
        title: 'Action',
        cell: (one) => {
          const acts = [
            refundChargeButton({ payment, movements }, one, viewer),
            recordUndoneButton(payment, one, viewer),
          ].filter((act) => act !== false)
          return acts.length === 0 ? '–' : html`<div class="actions">${acts}</div>`
        },
      },
    ],
  })
  return card('Charges on record', list)
}

function stateOf({ resolvedAt, refundRef, resolution: text }: RecordedBreak): string {
  if (resolvedAt === null) return 'open'
  return refundRef === null ? `accepted: ${text ?? ''}` : `refunded by ${refundRef}`
}

/** Finds the charge to prefill: an open one on record, else the one that the gateway named for the attempt. */
function knownCharge({ gatewayRef, lateChargeRef }: Payment, breaks: readonly RecordedBreak[]): string {
  const open = breaks.find(({ resolvedAt }) => resolvedAt === null)
  const isRefunded = (ref: string | null): boolean =>
    breaks.some((one) => one.reference === ref && one.refundRef !== null)
  const named = [open?.reference ?? null, lateChargeRef, gatewayRef]
  return named.find((ref) => ref !== null && !isRefunded(ref)) ?? ''
}

/** What the form for a payment in review shows. */
interface ReviewContent {
  readonly payment: Payment
  readonly breaks: readonly RecordedBreak[]
  /** The gateway can be asked from here. */
  readonly canLookUp: boolean
}

/** Renders the form for the decision about a payment in review. */
export function resolveForm(content: ReviewContent, viewer: Viewer): Html {
  if (viewer.formToken === undefined)
    return html`<section class="card" data-tone="violet">
      <header class="card-head"><h2>Held for review</h2></header>
      <p class="card-body">
        Its outcome could not be determined, so no worker touches it. An operator who knows what the gateway
        did can decide: <a href="${pathTo(['sign-in'])}">sign in</a>.
      </p>
    </section>`
  const { payment, breaks } = content
  const evidence = {
    name: 'note',
    minlength: MIN_NOTE,
    placeholder: 'Where you looked and what you saw: a ticket, a line of the gateway’s report',
  }
  const fields = html`<fieldset>
      <legend>What did the gateway do?</legend>
      ${choices(payment)}
    </fieldset>
    ${chargeFields(payment, breaks)} ${textArea('Evidence', evidence)}
    <div class="actions"><button class="button primary">Decide</button></div>`
  return html`<section class="card" id="resolve" data-tone="violet">
    <header class="card-head"><h2>Decide this payment</h2></header>
    <div class="card-body stack">
      <p>
        Check the payment at the gateway first. Your choice is final and is stored with your name and
        evidence.
      </p>
      ${payment.attemptOpen && lookUpPart(content, viewer)}
      ${actForm(viewer, pathTo(['payments', payment.id, 'resolve']), fields)}
    </div>
  </section>`
}

function lookUpPart({ payment, canLookUp }: ReviewContent, viewer: Viewer): Html {
  const state = payment.isLookedUp
    ? 'The gateway does not know the open attempt.'
    : 'An attempt is open: whether it was charged is unknown.'
  const action = pathTo(['payments', payment.id, 'look-up'])
  const button = canLookUp
    ? actButton({ viewer, action, label: 'Look up', hint: 'at the gateway; nothing is charged' })
    : html`<span class="mono">titan payments lookup ${payment.id}</span>`
  return html`<div class="actions">${state} ${button}</div>`
}

/** What a movement did if it succeeded, what an operator enters as its evidence, and how it was undone. */
const DONE: Readonly<
  Record<MovementKind, { readonly label: string; readonly reference: string; readonly undone: string }>
> = {
  charge: { label: 'It charged', reference: 'charge', undone: 'the charge was refunded' },
  refund: { label: 'It refunded', reference: 'refund', undone: 'the refund was undone' },
  capture: { label: 'It captured', reference: 'charge', undone: 'the charge was refunded' },
  void: { label: 'It released the authorization', reference: 'charge', undone: 'that was settled otherwise' },
}

function choices({ id, openCharges, attemptOpen, lateChargeRef }: Payment): Html[] {
  const isClear = openCharges === 0
  const kind = kindOf(id)
  const noun = kind === 'charge' ? 'payment' : kind
  const { label, reference, undone } = DONE[kind]
  const all = [
    ['SUCCESS', label, `The ${noun} becomes SUCCESS. Enter the gateway’s id of the ${reference}.`, true],
    (kind === 'charge' || !isClear) && [
      'REFUND',
      `${label}, and ${undone}`,
      `The evidence is recorded. The ${noun} becomes FAILED, unless another contradiction is open.`,
      !isClear,
    ],
    [
      'FAILED',
      kind === 'void' ? 'Nothing was released, and nothing will be' : 'No money moved, and none will',
      isClear ? `The ${noun} becomes FAILED.` : 'Impossible while a contradiction on record is open.',
      isClear,
    ],
    [
      'RETRY',
      'Retry',
      'A worker repeats the attempt under the same key; it stays open.',
      isClear && attemptOpen && lateChargeRef === null,
    ],
  ] as const
  return all
    .filter((choice) => choice !== false)
    .map(
      ([value, words, text, isPossible]) =>
        html`<label class="choice">
          <input type="radio" name="to" value="${value}" required ${!isPossible && 'disabled'} />
          <span><strong>${words}</strong><br />${text}</span>
        </label>`,
    )
}

function chargeFields(payment: Payment, breaks: readonly RecordedBreak[]): Content {
  const known = knownCharge(payment, breaks)
  const kind = kindOf(payment.id)
  const reference = { maxlength: 200, autocomplete: 'off' }
  const again = { name: 'confirmed_ref', ...reference }
  return html`${field(
    `The gateway’s id of the ${DONE[kind].reference}`,
    { name: 'gateway_ref', value: known, ...reference },
    { hint: kind === 'charge' ? 'if it charged' : 'if it succeeded' },
  )}
  ${known !== '' && field('The same id again', again, { hint: `if it is not ${known}` })}
  ${
    (kind === 'charge' || payment.openCharges > 0) &&
    field(
      kind === 'charge' ? 'The gateway’s id of the refund' : 'The gateway’s id of what undid it',
      { name: 'refund_ref', ...reference },
      { hint: kind === 'charge' ? 'if it was refunded' : 'if it was undone' },
    )
  }`
}
