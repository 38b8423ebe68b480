import type { HttpBindings } from '@hono/node-server'
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseBehaviour, type Behaviour } from './behaviour.ts'
import type { Books } from './books.ts'
import { fresh, type ChargeAnswer, type ChargeCall } from './charge-endpoint.ts'
import { addControls } from './control.ts'
import { deliver } from './delivery.ts'
import { metadataOf, wholeNumberOf, type Form } from './form.ts'
import { list, retrieve, search } from './inquiries.ts'
import type { LedgerEntry, StoredAnswer } from './ledger-entry.ts'
import { newId } from './payment-intent.ts'
import type { Operation, Script, WebhookScript } from './script.ts'
import { FAULT, FRONT_ANSWERS } from './stripe-error.ts'
import type { WebhookSender } from './webhooks.ts'

/** Options of {@link createApp}. */
export interface AppOptions {
  readonly books: Books
  readonly script: Script
  readonly charge: (call: ChargeCall) => Promise<ChargeAnswer>
  readonly webhooks: WebhookSender
  readonly record: (entry: LedgerEntry) => Promise<void>
  /** The only key that is let in; undefined lets every key in. */
  readonly secretKey: string | undefined
  /** Whether one more request fits into this second. */
  readonly takeRate: () => boolean
  readonly searchLagMs: number
  readonly hugeBytes: number
}

/** A longer body gets 413. */
const MAX_BODY_BYTES = 256 * 1024

type Env = { readonly Bindings: HttpBindings }

/** A request after it was read. */
interface Incoming {
  readonly id: string
  readonly operation: Operation
  readonly key: string | null
  readonly form: Form
  readonly behaviour: Behaviour
  readonly webhook: WebhookScript
}

/** Creates the routes: Stripe's, and our own under `/_`. */
export function createApp(options: AppOptions): Hono<Env> {
  const { books, searchLagMs } = options
  const app = new Hono<Env>()
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES }))
  const inquire = (c: Context<Env>, answer: () => StoredAnswer): Promise<Response> =>
    exchange(options, c, 'inquiry', queryOf(c), ({ behaviour }) => {
      const isFault = behaviour.at === 'endpoint' && behaviour.execution.type === 'fault'
      return Promise.resolve(fresh(isFault ? FAULT : answer()))
    })

  app.post('/v1/payment_intents', async (c) => {
    const form = new URLSearchParams(await c.req.text())
    return exchange(options, c, 'charge', form, ({ id, key, behaviour, webhook }) =>
      behaviour.at === 'front'
        ? Promise.reject(new Error('the front answers'))
        : options.charge({ request: id, key, form, behaviour, webhook }),
    )
  })
  app.get('/v1/payment_intents/search', (c) =>
    inquire(c, () => search(books, c.req.query('query') ?? '', Date.now() - searchLagMs)),
  )
  app.get('/v1/payment_intents/:id', (c) => inquire(c, () => retrieve(books, c.req.param('id'))))
  app.get('/v1/payment_intents', (c) => inquire(c, () => list(books, queryOf(c))))
  addControls(app, options)
  app.onError((error, c) => c.json({ error: { type: 'api_error', message: error.message } }, 500))
  return app
}

/** Reads a request, answers it as its behaviour says, and records both. */
async function exchange(
  options: AppOptions,
  c: Context<Env>,
  operation: Operation,
  form: Form,
  act: (incoming: Incoming) => Promise<ChargeAnswer>,
): Promise<Response> {
  const incoming = await receive(options, c, operation, form)
  const { behaviour, id } = incoming
  const front = frontOf(options, c, behaviour)
  const answered = front === undefined ? await act(incoming) : fresh(front.answer ?? FAULT)
  const delivery = front?.delivery ?? (behaviour.at === 'endpoint' ? behaviour.delivery : 'send')
  const { answer, isReplay, isMismatch } = answered
  const status = delivery === 'hang' || delivery === 'reset' ? null : answer.status
  void options
    .record({ type: 'answered', at: Date.now(), request: id, status, delivery, isReplay, isMismatch })
    .catch(() => {})
  const headers = headersOf(incoming, answered)
  return deliver(answer, delivery, { incoming: c.env.incoming, hugeBytes: options.hugeBytes, headers })
}

async function receive(
  { script, record }: AppOptions,
  c: Context<Env>,
  operation: Operation,
  form: Form,
): Promise<Incoming> {
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
  const id = newId('req')
  const { method, path } = c.req
  const currency = form.get('currency')
  await record({
    type: 'request',
    at: Date.now(),
    id,
    method,
    path,
    key,
    reference,
    amount,
    currency,
    behaviour,
  })
  return { id, operation, key, form, behaviour: parsed, webhook }
}

/** What comes before the endpoint, in Stripe's order: authentication, rate limit, then the idempotency layer. */
function frontOf(
  { secretKey, takeRate }: AppOptions,
  c: Context<Env>,
  behaviour: Behaviour,
): { readonly answer?: StoredAnswer; readonly delivery: 'send' | 'reset' | 'hang' } | undefined {
  if (behaviour.at === 'front') {
    const { does } = behaviour
    return typeof does === 'number' ? { answer: FRONT_ANSWERS[does], delivery: 'send' } : { delivery: does }
  }
  if (!isAuthorized(c.req.header('authorization'), secretKey))
    return { answer: FRONT_ANSWERS[401], delivery: 'send' }
  return takeRate() ? undefined : { answer: FRONT_ANSWERS[429], delivery: 'send' }
}

function headersOf({ id, key }: Incoming, { answer, isReplay }: ChargeAnswer): Record<string, string> {
  // What Stripe advises its own clients; a client that must not repeat by itself has to ignore it.
  const isAdvised = answer.status === 409 || answer.status === 503
  return {
    'request-id': id,
    ...(key !== null && { 'idempotency-key': key }),
    ...(isReplay && { 'idempotent-replayed': 'true' }),
    ...(answer.status === 429 && { 'retry-after': '1' }),
    ...(isAdvised && { 'stripe-should-retry': 'true' }),
  }
}

function isAuthorized(header: string | undefined, secretKey: string | undefined): boolean {
  const [, key] = /^Bearer (\S+)$/.exec(header ?? '') ?? []
  return key !== undefined && (secretKey === undefined || key === secretKey)
}

function queryOf(c: Context<Env>): URLSearchParams {
  return new URL(c.req.url).searchParams
}
