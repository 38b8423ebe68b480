import type { Payment, RecordedBreak } from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import { formatMoney } from '../markup/format.ts'
import { actButton } from '../markup/forms.ts'
import type { Viewer } from '../markup/layout.ts'
import { ago, card, table, type Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'

const MIN_NOTE = 10
const note = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(MIN_NOTE, `Say in at least ${MIN_NOTE} characters where the evidence is.`),
  v.maxLength(2_000, 'The evidence is too long: 2000 characters at most.'),
)

function reference(missing: string): v.GenericSchema<unknown, string> {
  return v.pipe(
    v.string(),
    v.trim(),
    v.nonEmpty(missing),
    v.maxLength(200, 'The gateway’s id is too long: 200 characters at most.'),
  )
}

const charge = reference('Give the gateway’s id of the charge.')

/** What an operator decided about a parked payment, and on what evidence. */
export type Resolution =
  | {
      readonly to: 'SUCCESS'
      readonly note: string
      readonly gateway_ref: string
      readonly confirmed_ref: string
    }
  | {
      readonly to: 'REFUND'
      readonly note: string
      readonly gateway_ref: string
      readonly refund_ref: string
    }
  | { readonly to: 'FAILED' | 'RETRY'; readonly note: string }

/** Reads the decision from its form. */
export const resolution: v.GenericSchema<unknown, Resolution> = v.variant(
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
      refund_ref: reference('Give the gateway’s id of the refund.'),
    }),
    v.object({ to: v.picklist(['FAILED', 'RETRY']), note }),
  ],
  'Choose what is known of the payment.',
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
}

/** The charges that contradict a payment, each with the booked amount next to the charged one. */
export function chargesCard({ amount, currency }: Payment, breaks: readonly RecordedBreak[]): Html | string {
  if (breaks.length === 0) return ''
  const charged = (one: RecordedBreak): string =>
    one.amount === null ? 'not on record' : formatMoney(one.amount, one.currency ?? currency)
  const list = table({
    caption: 'Charges that contradict this payment',
    rows: breaks,
    rowId: ({ kind, reference: id }) => `break-${kind}-${id}`,
    empty: html``,
    columns: [
      { title: 'What', cell: ({ kind }) => BREAK_WORDS[kind] },
      { title: 'Booked', isNumber: true, cell: () => formatMoney(amount, currency) },
      { title: 'Charged', isNumber: true, cell: charged },
      { title: 'Charge', cell: (one) => html`<span class="mono break">${one.reference}</span>` },
      { title: 'Found', cell: ({ detectedAt }) => ago(detectedAt) },
      { title: 'Now', cell: (one) => html`<span class="break">${stateOf(one)}</span>` },
    ],
  })
  return card('Charges on record', list)
}

function stateOf({ resolvedAt, refundRef, resolution: text }: RecordedBreak): string {
  if (resolvedAt === null) return 'open'
  return refundRef === null ? `accepted: ${text ?? ''}` : `refunded by ${refundRef}`
}

/** The charge that a form begins with: an open one on record, else what the gateway named for the attempt. */
function knownCharge({ gatewayRef, lateChargeRef }: Payment, breaks: readonly RecordedBreak[]): string {
  const open = breaks.find(({ resolvedAt }) => resolvedAt === null)
  const isRefunded = (ref: string | null): boolean =>
    breaks.some((one) => one.reference === ref && one.refundRef !== null)
  const named = [open?.reference ?? null, lateChargeRef, gatewayRef]
  return named.find((ref) => ref !== null && !isRefunded(ref)) ?? ''
}

/** What a parked payment's form is made of. */
export interface ReviewContent {
  readonly payment: Payment
  readonly breaks: readonly RecordedBreak[]
  /** The gateway can be asked from here. */
  readonly canLookUp: boolean
}

/** Asks what became of a parked payment, and how that is known. */
export function resolveForm(content: ReviewContent, viewer: Viewer): Html {
  if (viewer.formToken === undefined)
    return html`<section class="card review">
      <header class="card-head"><h2>Waits for a decision</h2></header>
      <p>
        Its outcome could not be found out, so no worker touches it. An admin who knows what the gateway did
        can decide it: <a href="${pathTo(['sign-in'])}">sign in</a>.
      </p>
    </section>`
  const { payment, breaks } = content
  return html`<section class="card review" id="resolve">
    <header class="card-head"><h2>Decide this payment</h2></header>
    <p>
      Look it up at the gateway first. What you choose here is final, and is kept with your name and evidence.
    </p>
    ${lookUpPart(content, viewer)}
    <form method="post" action="${pathTo(['payments', payment.id, 'resolve'])}" class="stack">
      <input type="hidden" name="form_token" value="${viewer.formToken}" />
      <fieldset>
        <legend>What did the gateway do?</legend>
        ${choices(payment)}
      </fieldset>
      ${chargeFields(knownCharge(payment, breaks))}
      <label
        >Evidence
        <textarea
          name="note"
          rows="3"
          required
          minlength="${MIN_NOTE}"
          maxlength="2000"
          placeholder="Where you looked and what you saw: a ticket, a line of the gateway’s report"
        ></textarea>
      </label>
      <div class="actions"><button class="button primary">Decide</button></div>
    </form>
  </section>`
}

function lookUpPart({ payment, canLookUp }: ReviewContent, viewer: Viewer): Html | string {
  if (!payment.attemptOpen) return ''
  const state = payment.isLookedUp
    ? 'The gateway answered that it does not know the open attempt.'
    : 'An attempt is open: it is not known yet whether it was charged.'
  const button = canLookUp
    ? actButton({
        viewer,
        action: pathTo(['payments', payment.id, 'look-up']),
        label: 'Look it up',
        hint: 'at the gateway; nothing is charged',
      })
    : html`<span class="mono">titan payments lookup ${payment.id}</span>`
  return html`<p>${state} ${button}</p>`
}

function choices({ openCharges, attemptOpen, lateChargeRef }: Payment): Html[] {
  const all = [
    ['SUCCESS', 'It charged', 'The payment becomes SUCCESS. The gateway’s id of the charge is needed.', true],
    [
      'REFUND',
      'It charged, and the charge was refunded',
      'The refund is put on record. The payment becomes FAILED, unless another charge of it is open.',
      openCharges > 0,
    ],
    [
      'FAILED',
      'No money moved, and none will',
      openCharges > 0
        ? 'Not while a charge is on record that was not refunded.'
        : 'The payment becomes FAILED.',
      openCharges === 0,
    ],
    [
      'RETRY',
      'Ask it again',
      'A worker asks for the attempt under its key; it stays open.',
      openCharges === 0 && attemptOpen && lateChargeRef === null,
    ],
  ] as const
  return all.map(
    ([value, label, text, isPossible]) =>
      html`<label class="choice"
        ><input type="radio" name="to" value="${value}" required ${isPossible ? '' : 'disabled'} />
        <span><strong>${label}</strong><br />${text}</span></label
      >`,
  )
}

function chargeFields(known: string): Html {
  return html`<label
      ><span>The gateway’s id of the charge <span class="muted">(if it charged)</span></span>
      <input name="gateway_ref" value="${known}" maxlength="200" autocomplete="off" spellcheck="false"
    /></label>
    ${
      known === ''
        ? ''
        : html`<label
            ><span>The same id once more <span class="muted">(if it is not ${known})</span></span>
            <input name="confirmed_ref" maxlength="200" autocomplete="off" spellcheck="false"
          /></label>`
    }
    <label
      ><span>The gateway’s id of the refund <span class="muted">(if it was refunded)</span></span>
      <input name="refund_ref" maxlength="200" autocomplete="off" spellcheck="false"
    /></label>`
}
