import type { Payment } from '@titan/payments'
import { html } from 'hono/html'
import * as v from 'valibot'
import type { Viewer } from '../markup/layout.ts'
import type { Html } from '../markup/parts.ts'
import { pathTo } from '../paths.ts'

const MIN_NOTE = 10
const note = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(MIN_NOTE, `Say in at least ${MIN_NOTE} characters where the evidence is.`),
  v.maxLength(2_000, 'The evidence is too long: 2000 characters at most.'),
)

/** What somebody decided of a parked payment, and on what evidence. */
export type Resolution =
  | { readonly to: 'SUCCESS'; readonly note: string; readonly gateway_ref: string }
  | { readonly to: 'FAILED' | 'RETRY'; readonly note: string }

/** Reads the decision from its form. */
export const resolution: v.GenericSchema<unknown, Resolution> = v.variant(
  'to',
  [
    v.object({
      to: v.literal('SUCCESS'),
      note,
      gateway_ref: v.pipe(
        v.string(),
        v.trim(),
        v.nonEmpty('A charge needs the gateway’s id of it.'),
        v.maxLength(200, 'The gateway’s id is too long.'),
      ),
    }),
    v.object({ to: v.picklist(['FAILED', 'RETRY']), note }),
  ],
  'Choose what is known of the payment.',
)

/** Asks what became of a parked payment, and how that is known. */
export function resolveForm({ id }: Payment, viewer: Viewer): Html {
  if (viewer.formToken === undefined)
    return html`<section class="card review">
      <header class="card-head"><h2>Waits for a decision</h2></header>
      <p>
        Its outcome could not be found out, so no worker touches it. An admin who knows what the gateway did
        can decide it: <a href="${pathTo(['sign-in'])}">sign in</a>.
      </p>
    </section>`
  return html`<section class="card review" id="resolve">
    <header class="card-head"><h2>Decide this payment</h2></header>
    <p>
      Look it up at the gateway first. What you choose here is final, and is kept with your name and evidence.
    </p>
    <form method="post" action="${pathTo(['payments', id, 'resolve'])}" class="stack">
      <input type="hidden" name="form_token" value="${viewer.formToken}" />
      <fieldset>
        <legend>What did the gateway do?</legend>
        <label class="choice"
          ><input type="radio" name="to" value="SUCCESS" required />
          <span
            ><strong>It charged</strong><br />The payment becomes SUCCESS. The gateway’s id of the charge is
            needed.</span
          ></label
        >
        <label class="choice"
          ><input type="radio" name="to" value="FAILED" />
          <span><strong>No money moved, and none will</strong><br />The payment becomes FAILED.</span></label
        >
        <label class="choice"
          ><input type="radio" name="to" value="RETRY" />
          <span
            ><strong>Ask it again</strong><br />A worker looks the attempt up under its key; it stays
            open.</span
          ></label
        >
      </fieldset>
      <label
        ><span>The gateway’s id of the charge <span class="muted">(if it charged)</span></span>
        <input name="gateway_ref" maxlength="200" autocomplete="off" spellcheck="false"
      /></label>
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
