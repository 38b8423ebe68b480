import type { Hono } from 'hono'
import type { Env, Parts } from '../exchange.ts'
import { written } from '../model/currency.ts'
import type { IntentRow } from '../model/intent.ts'
import { clientSecretOf } from '../stripe/payment-intent.ts'
import { pageOf } from './page.ts'

/** Adds the page on which a customer answers the bank's question, and goes back to the shop. */
export function addThreeDSecure(
  app: Hono<Env>,
  { ledger, gateway }: Pick<Parts, 'ledger' | 'gateway'>,
): void {
  app.get('/3ds/:id', (c) => {
    const intent = ledger.intentOf(c.req.param('id'))
    if (intent === undefined)
      return c.html(pageOf('Unknown payment', '<p>There is no such payment.</p>'), 404)
    return c.html(intent.status === 'requires_action' ? question(intent) : pageOf('Answered', ANSWERED))
  })
  app.post('/3ds/:id', async (c) => {
    const id = c.req.param('id')
    const { returnUrl = null } = ledger.intentOf(id)?.action ?? {}
    const success = new URLSearchParams(await c.req.text()).get('result') === 'complete'
    if (!(await gateway.answerBank(id, success))) return c.html(pageOf('Answered', ANSWERED), 409)
    if (returnUrl === null) return c.html(pageOf('Answered', ANSWERED))
    return c.redirect(backTo(returnUrl, id, ledger.intentOf(id)), 303)
  })
}

const ANSWERED = '<p>The question is answered. You can close this page.</p>'

function question({ amount, currency }: IntentRow): string {
  return pageOf(
    '3-D Secure',
    `<p>Your bank asks: do you pay ${written(amount, currency)}?</p>
<form method="post">
  <button name="result" value="complete">Complete authentication</button>
  <button name="result" value="fail">Fail authentication</button>
</form>`,
  )
}

/** Returns where the customer goes, with what Stripe tells the shop's page. */
function backTo(returnUrl: string, id: string, intent: IntentRow | undefined): string {
  const url = new URL(returnUrl)
  url.searchParams.set('payment_intent', id)
  url.searchParams.set('payment_intent_client_secret', clientSecretOf(id))
  // What Adyen tells it.
  const isAdyens = intent?.metadata['reference']?.startsWith('titan_') === true
  if (isAdyens) url.searchParams.set('redirectResult', id)
  url.searchParams.set('redirect_status', intent?.error == null ? 'succeeded' : 'failed')
  return url.href
}
