import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Call } from './engine/call.ts'
import type { Gateway, GatewayAnswer } from './engine/gateway.ts'
import type { Ledger } from './ledger/ledger.ts'
import { isTestCard } from './model/cards.ts'
import { newId } from './model/ids.ts'
import type { IntentRow } from './model/intent.ts'
import type { GatewaySimulatorOptions } from './options.ts'
import { membersOf, textOf, wholeNumberOf, type Form } from './request/form.ts'
import { parseBehaviour, type Behaviour } from './script/behaviour.ts'
import { deliver } from './script/delivery.ts'
import type { Operation, Script, Subject } from './script/script.ts'
import { FRONT_ANSWERS } from './stripe/errors.ts'
import { API_VERSION } from './stripe/event.ts'
import { writeAnswer, type WrittenAnswer } from './stripe/write.ts'
import type { WebhookSender } from './webhooks.ts'

export type Env = { readonly Bindings: HttpBindings }

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

/** How one gateway's API is written. */
export interface Dialect {
  /** Writes an answer; `request` is the id of the request that it answers. */
  readonly write: (answer: GatewayAnswer, ledger: Ledger, request: string) => WrittenAnswer
  /** The API key of a request. */
  readonly keyOf: (c: Context<Env>) => string | undefined
  readonly headersOf: (call: Call, answer: GatewayAnswer) => Record<string, string>
}

/** What a request wants, before it is read. */
interface Exchange {
  /** @default Stripe's */
  readonly dialect?: Dialect
  readonly operation: Operation
  readonly form: Form
  /** The intent that it is about, when there is one already. */
  readonly subject: string | undefined
}

/** Reads a request, answers it as its behaviour says, and records both. */
export async function exchange(
  parts: Parts,
  c: Context<Env>,
  wanted: Exchange,
  act: (call: Call) => Promise<GatewayAnswer>,
) {
  const { dialect = STRIPE } = wanted
  const call = await receive(parts, c, wanted)
  const { behaviour, request } = call
  const early = answerEarly(parts, dialect.keyOf(c), behaviour)
  const answer: GatewayAnswer = early ?? (await act(call))
  const delivery = early === undefined || behaviour.front !== undefined ? behaviour.delivery : 'send'
  const { isReplay = false, isMismatch = false, original = request } = answer
  const status = delivery === 'hang' || delivery === 'reset' ? null : answer.status
  void parts.ledger
    .record({ type: 'answered', at: Date.now(), request, status, delivery, isReplay, isMismatch })
    .catch(() => {})
  const written = dialect.write(answer, parts.ledger, original)
  const headers = dialect.headersOf(call, answer)
  return deliver(written, delivery, c.env.incoming, headers, parts.options.hugeBytes)
}

const STRIPE: Dialect = {
  write: writeAnswer,
  keyOf: (c) => bearerOf(c.req.header('authorization')),
  headersOf,
}

async function receive(parts: Parts, c: Context<Env>, wanted: Exchange): Promise<Call> {
  const { script, ledger } = parts
  const { form } = wanted
  const subject = readSubject(parts, c, wanted)
  const { behaviour, webhook } = script.next(subject)
  const parsed = parseBehaviour(behaviour)
  const id = newId('req')
  const { key, payment: reference, amount } = subject
  const { method, path } = c.req
  const currency = form.get('currency')?.toLowerCase() ?? null
  const seen = { id, method, path, key, reference, amount, currency, behaviour }
  await ledger.record({ type: 'request', at: Date.now(), ...seen })
  return { request: id, key, path, id: idOf(c), form, behaviour: parsed, webhook }
}

/** Reads what the script decides by. */
function readSubject({ ledger }: Parts, c: Context<Env>, { operation, form, subject }: Exchange): Subject {
  const metadata = membersOf(form, 'metadata')
  const intent = subject === undefined ? undefined : ledger.intentOf(subject)
  return {
    operation,
    key: c.req.header('idempotency-key') ?? null,
    payment: intent?.metadata['payment_id'] ?? metadata['payment_id'] ?? null,
    movement: metadata['movement_id'] ?? null,
    amount: wholeNumberOf(form, 'amount') ?? wholeNumberOf(form, 'amount_to_capture'),
    description: form.get('description'),
    paymentMethod: tokenOf(form, ledger) ?? tokenOfIntent(intent) ?? null,
    metadataBehaviour: metadata['simulate'] ?? null,
    headerBehaviour: c.req.header('x-simulator-behaviour') ?? null,
  }
}

function tokenOfIntent(intent: IntentRow | undefined): string | undefined {
  return (intent?.charge?.card ?? intent?.card)?.token
}

/** Returns the test card behind the payment method of a request. */
function tokenOf(form: Form, ledger: Ledger): string | undefined {
  const name = textOf(form, 'payment_method')
  if (name === null || isTestCard(name)) return name ?? undefined
  return ledger.cardOf(name)?.token
}

/** Answers before the endpoint, in Stripe's order: authentication, rate limit, then the idempotency layer. */
function answerEarly({ options, takeRate }: Parts, key: string | undefined, { front }: Behaviour) {
  if (front !== undefined) return FRONT_ANSWERS[front]
  const { secretKey = key } = options
  if (key === undefined || key === '' || key !== secretKey) return FRONT_ANSWERS[401]
  return takeRate() ? undefined : FRONT_ANSWERS[429]
}

function headersOf(
  { request, key }: Call,
  { status, isReplay = false, original }: GatewayAnswer,
): Record<string, string> {
  return {
    'request-id': request,
    'stripe-version': API_VERSION,
    ...(key !== null && { 'idempotency-key': key }),
    ...(isReplay && { 'idempotent-replayed': 'true', 'original-request': original ?? request }),
    ...(status === 429 && { 'retry-after': '1' }),
    // What Stripe advises its own clients; a client that must not repeat by itself has to ignore it.
    ...((status === 409 || status === 503) && { 'stripe-should-retry': 'true' }),
  }
}

/** Stripe takes the key as a bearer token, and as the user of Basic authentication. */
function bearerOf(header: string | undefined): string | undefined {
  const [, scheme = '', credentials = ''] = /^(Bearer|Basic) (\S+)$/i.exec(header ?? '') ?? []
  const isBasic = scheme.toLowerCase() === 'basic'
  return isBasic ? Buffer.from(credentials, 'base64').toString('utf8').split(':')[0] : credentials
}

/** Returns the id in the path of a request, if there is one. */
export function idOf(c: Context<Env>): string {
  return c.req.param('id') ?? ''
}
