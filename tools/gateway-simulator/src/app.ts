import type { HttpBindings } from '@hono/node-server'
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseBehaviour, type Behaviour } from './behaviour.ts'
import { addControls } from './control.ts'
import { deliver } from './delivery.ts'
import { metadataOf, wholeNumberOf, type Form } from './form.ts'
import type { Answer, ChargeCall, Gateway } from './gateway.ts'
import { list, retrieve, search } from './inquiries.ts'
import type { StoredAnswer } from './ledger-entry.ts'
import type { Ledger } from './ledger.ts'
import type { GatewaySimulatorOptions } from './options.ts'
import { newId } from './payment-intent.ts'
import type { Script } from './script.ts'
import { FAULT, FRONT_ANSWERS } from './stripe-error.ts'
import type { WebhookSender } from './webhooks.ts'

/** What the routes work with. */
export interface Parts {
  readonly ledger: Ledger
  readonly script: Script
  readonly gateway: Gateway
  readonly webhooks: WebhookSender
  readonly options: GatewaySimulatorOptions
  /** Whether one more request fits into this second. */
  readonly takeRate: () => boolean
}

/** A longer body gets 413. */
const MAX_BODY_BYTES = 256 * 1024

type Env = { readonly Bindings: HttpBindings }

/** Creates the routes: Stripe's, and our own under `/_`. */
export function createApp(parts: Parts) {
  const { ledger, gateway } = parts
  const { searchLagMs = 0 } = parts.options
  const app = new Hono<Env>()
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES }))
  const inquire = (c: Context<Env>, answer: () => StoredAnswer) =>
    exchange(parts, c, 'inquiry', queryOf(c), async ({ behaviour }) =>
      behaviour.execution.type === 'fault' ? FAULT : answer(),
    )

  app.post('/v1/payment_intents', async (c) => {
    const form = new URLSearchParams(await c.req.text())
    return exchange(parts, c, 'charge', form, (call) => gateway.charge(call))
  })
  app.get('/v1/payment_intents/search', (c) =>
    inquire(c, () => search(ledger, c.req.query('query') ?? '', Date.now() - searchLagMs)),
  )
  app.get('/v1/payment_intents/:id', (c) => inquire(c, () => retrieve(ledger, c.req.param('id'))))
  app.get('/v1/payment_intents', (c) => inquire(c, () => list(ledger, queryOf(c))))
  addControls(app, parts)
  app.onError((error, c) => c.json({ error: { type: 'api_error', message: error.message } }, 500))
  return app
}

/** Reads a request, answers it as its behaviour says, and records both. */
async function exchange(
  parts: Parts,
  c: Context<Env>,
  operation: 'charge' | 'inquiry',
  form: Form,
  act: (call: ChargeCall) => Promise<Answer>,
) {
  const call = await receive(parts, c, operation, form)
  const { behaviour, request } = call
  const early = answerEarly(parts, c, behaviour)
  const answer: Answer = early ?? (await act(call))
  const delivery = early === undefined || behaviour.front !== undefined ? behaviour.delivery : 'send'
  const { isReplay = false, isMismatch = false } = answer
  const status = delivery === 'hang' || delivery === 'reset' ? null : answer.status
  void parts.ledger
    .record({ type: 'answered', at: Date.now(), request, status, delivery, isReplay, isMismatch })
    .catch(() => {})
  return deliver(answer, delivery, c.env.incoming, headersOf(call, answer), parts.options.hugeBytes)
}

async function receive(
  { script, ledger }: Parts,
  c: Context<Env>,
  operation: 'charge' | 'inquiry',
  form: Form,
): Promise<ChargeCall> {
  const id = newId('req')
  const key = c.req.header('idempotency-key') ?? null
  const metadata = metadataOf(form)
  const amount = wholeNumberOf(form, 'amount')
  const reference = metadata['payment_id'] ?? null
  const { behaviour, webhook } = script.next({
    operation,
    key,
    payment: reference,
    amount,
    description: form.get('description'),
    paymentMethod: form.get('payment_method'),
    metadataBehaviour: metadata['simulate'] ?? null,
    headerBehaviour: c.req.header('x-simulator-behaviour') ?? null,
  })
  const parsed = parseBehaviour(behaviour)
  const { method, path } = c.req
  const currency = form.get('currency')
  const at = Date.now()
  await ledger.record({ type: 'request', at, id, method, path, key, reference, amount, currency, behaviour })
  return { request: id, key, form, behaviour: parsed, webhook }
}

/** Answers before the endpoint, in Stripe's order: authentication, rate limit, then the idempotency layer. */
function answerEarly({ options, takeRate }: Parts, c: Context<Env>, { front }: Behaviour) {
  if (front !== undefined) return FRONT_ANSWERS[front]
  if (!isAuthorized(c.req.header('authorization'), options.secretKey)) return FRONT_ANSWERS[401]
  return takeRate() ? undefined : FRONT_ANSWERS[429]
}

function headersOf(
  { request, key }: ChargeCall,
  { status, isReplay = false }: Answer,
): Record<string, string> {
  return {
    'request-id': request,
    ...(key !== null && { 'idempotency-key': key }),
    ...(isReplay && { 'idempotent-replayed': 'true' }),
    ...(status === 429 && { 'retry-after': '1' }),
    // What Stripe advises its own clients; a client that must not repeat by itself has to ignore it.
    ...((status === 409 || status === 503) && { 'stripe-should-retry': 'true' }),
  }
}

function isAuthorized(header: string | undefined, secretKey: string | undefined) {
  const [, key] = /^Bearer (\S+)$/.exec(header ?? '') ?? []
  return key !== undefined && (secretKey === undefined || key === secretKey)
}

function queryOf(c: Context<Env>) {
  return new URL(c.req.url).searchParams
}
