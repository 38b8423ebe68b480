import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { addAdyen } from './adyen/routes.ts'
import { addControls } from './control.ts'
import { exchange, idOf, type Env, type Parts } from './exchange.ts'
import { newId } from './model/ids.ts'
import { addCheckoutDemo } from './pages/checkout-demo.ts'
import { addThreeDSecure } from './pages/three-d-secure.ts'
import { ACTS, INQUIRIES, subjectOfInquiry } from './routes.ts'
import { FAULT, unrecognized } from './stripe/errors.ts'
import { writeAnswer } from './stripe/write.ts'

/** A longer body gets 413. */
const MAX_BODY_BYTES = 256 * 1024

/** Creates the routes: Stripe's, Adyen's, and our own under `/_`. */
export function createApp(parts: Parts) {
  const { ledger, gateway } = parts
  const { searchLagMs = 0, titan } = parts.options
  const app = new Hono<Env>()
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES }))
  for (const { path, operation, decide, subjectOf } of ACTS)
    app.post(path, async (c) => {
      const form = new URLSearchParams(await c.req.text())
      const subject = subjectOf({ id: idOf(c), form }, ledger)
      return exchange(parts, c, { operation, form, subject }, (call) =>
        gateway.perform(call, subject, decide),
      )
    })
  for (const { path, answer } of INQUIRIES)
    app.get(path, (c) => {
      const form = new URL(c.req.url).searchParams
      const subject = subjectOfInquiry(idOf(c), form, ledger)
      return exchange(parts, c, { operation: 'inquiry', form, subject }, async ({ behaviour, id }) =>
        behaviour.execution.type === 'fault' ? FAULT : answer(ledger, id, form, Date.now() - searchLagMs),
      )
    })
  addAdyen(app, parts)
  addControls(app, parts)
  addThreeDSecure(app, parts)
  if (titan !== undefined) addCheckoutDemo(app, titan)
  app.notFound((c) => {
    const { status, body } = writeAnswer(unrecognized(c.req.method, c.req.path), ledger, newId('req'))
    return Response.json(body, { status })
  })
  app.onError((error, c) => c.json({ error: { type: 'api_error', message: error.message } }, 500))
  return app
}
