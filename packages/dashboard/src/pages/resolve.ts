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
  v.minLength(MIN_NOTE, `Describe the evidence in at least ${MIN_NOTE} characters.`),
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

const charge = reference('Enter the gateway’s id of the charge.')

/** An operator's decision about a payment in review, and its evidence. */
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
      { title: 'Kind', cell: ({ kind }) => BREAK_WORDS[kind] },
      { title: 'Booked', isNumber: true, cell: () => formatMoney(amount, currency) },
      { title: 'Charged', isNumber: true, cell: charged },
      { title: 'Charge', cell: (one) => html`<span class="mono break">${one.reference}</span>` },
      { title: 'Found', cell: ({ detectedAt }) => ago(detectedAt) },
      { title: 'State', cell: (one) => html`<span class="break">${stateOf(one)}</span>` },
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

/** Content of the form for a payment in review. */
export interface ReviewContent {
  readonly payment: Payment
  readonly breaks: readonly RecordedBreak[]
  /** The gateway can be asked from here. */
  readonly canLookUp: boolean
}

/** Renders the form for the decision about a payment in review. */
export function resolveForm(content: ReviewContent, viewer: Viewer): Html {
  if (viewer.formToken === undefined)
    return html`<section class="card review">
      <header class="card-head"><h2>Held for review</h2></header>
      <p>
        Its outcome could not be determined, so no worker touches it. An operator who knows what the gateway
        did can decide: <a href="${pathTo(['sign-in'])}">sign in</a>.
      </p>
    </section>`
  const { payment, breaks } = content
  return html`<section class="card review" id="resolve">
    <header class="card-head"><h2>Decide this payment</h2></header>
    <p>
      Check the payment at the gateway first. Your choice is final and is stored with your name and evidence.
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
    ? 'The gateway does not know the open attempt.'
    : 'An attempt is open: whether it was charged is unknown.'
  const button = canLookUp
    ? actButton({
        viewer,
        action: pathTo(['payments', payment.id, 'look-up']),
        label: 'Look up',
        hint: 'at the gateway; nothing is charged',
      })
    : html`<span class="mono">titan payments lookup ${payment.id}</span>`
  return html`<p>${state} ${button}</p>`
}

function choices({ openCharges, attemptOpen, lateChargeRef }: Payment): Html[] {
  const all = [
    ['SUCCESS', 'It charged', 'The payment becomes SUCCESS. Enter the gateway’s id of the charge.', true],
    [
      'REFUND',
      'It charged, and the charge was refunded',
      'The refund is recorded. The payment becomes FAILED, unless another charge of it is open.',
      openCharges > 0,
    ],
    [
      'FAILED',
      'No money moved, and none will',
      openCharges > 0 ? 'Impossible while a recorded charge is not refunded.' : 'The payment becomes FAILED.',
      openCharges === 0,
    ],
    [
      'RETRY',
      'Retry',
      'A worker repeats the attempt under the same key; it stays open.',
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
            ><span>The same id again <span class="muted">(if it is not ${known})</span></span>
            <input name="confirmed_ref" maxlength="200" autocomplete="off" spellcheck="false"
          /></label>`
    }
    <label
      ><span>The gateway’s id of the refund <span class="muted">(if it was refunded)</span></span>
      <input name="refund_ref" maxlength="200" autocomplete="off" spellcheck="false"
    /></label>`
}
