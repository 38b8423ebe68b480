import type Stripe from 'stripe'
import type { ChargeOutcome, LookupAnswer, LookupRequest } from '../gateway.ts'
import { isOf, orMissing, retrieve, type StripeClient } from './client.ts'
import { reasonOfError } from './error.ts'
import { outcomeOfIntentMovement, outcomeOfRefund } from './movement.ts'
import { mayBeConfirmedAgain, outcomeOfIntent } from './outcome.ts'
import { refundedBy } from './parameters.ts'

/** Most refunds of one charge that are looked through. */
const MAX_REFUNDS = 1_000

/** Finds out what became of a charge, capture, void or refund. */
export function lookup(
  client: StripeClient,
  request: LookupRequest,
  signal: AbortSignal,
): Promise<LookupAnswer> {
  return ask(client, signal, async () => {
    if (request.kind === 'refund') return (await findRefunds(client.stripe, request)).map(outcomeOfRefund)
    if (request.kind !== 'charge') return findMovement(client.stripe, request.kind, request)
    const intents = await findIntents(client.stripe, request)
    return outcomesOf(client.stripe, request, intents, mayBeConfirmedAgain)
  })
}

/** Cancels what is not finished of a charge, then says what is true. */
export function abandon(
  client: StripeClient,
  request: LookupRequest,
  signal: AbortSignal,
): Promise<LookupAnswer> {
  return ask(client, signal, async () => {
    const intents = await findIntents(client.stripe, request)
    return outcomesOf(client.stripe, request, intents, isUnfinished)
  })
}

async function ask(
  { http }: StripeClient,
  signal: AbortSignal,
  find: () => Promise<readonly ChargeOutcome[]>,
): Promise<LookupAnswer> {
  try {
    const [first, ...more] = await http.run({ signal, mayHaveLeft: false }, find)
    if (first === undefined) return { type: 'NOT_FOUND' }
    // More than one means a key that was used after its time; money that moved, or may yet, is what counts.
    const outcomes = [first, ...more]
    const outcome =
      outcomes.find(({ type }) => type === 'SUCCEEDED') ??
      outcomes.find(({ type }) => type !== 'DECLINED') ??
      first
    return { type: 'FOUND', outcome }
  } catch (error) {
    return { type: 'FAILED_TO_ASK', reason: reasonOfError(error) }
  }
}

/** Reads the intents that are to be canceled again after their cancellation: only Stripe knows who was faster. */
async function outcomesOf(
  stripe: Stripe,
  { gatewayKey }: LookupRequest,
  intents: readonly Stripe.PaymentIntent[],
  isToCancel: (intent: Stripe.PaymentIntent) => boolean,
): Promise<ChargeOutcome[]> {
  const outcomes: ChargeOutcome[] = []
  for (const intent of intents) {
    const last = isToCancel(intent) ? await cancel(stripe, intent, `${gatewayKey}_abandon`) : intent
    outcomes.push(outcomeOfIntent(last))
  }
  return outcomes
}

async function cancel(
  stripe: Stripe,
  { id }: Stripe.PaymentIntent,
  idempotencyKey: string,
): Promise<Stripe.PaymentIntent> {
  // An error says less than the intent: it may have been captured, confirmed or canceled in the meantime.
  await stripe.paymentIntents
    .cancel(id, { cancellation_reason: 'abandoned' }, { idempotencyKey })
    .catch(() => {})
  const intent = await retrieve(stripe, id)
  if (intent === undefined) throw new Error('the payment intent is gone')
  return intent
}

const UNFINISHED: ReadonlySet<string> = new Set([
  'requires_action',
  'requires_capture',
  'requires_confirmation',
  'requires_payment_method',
])

function isUnfinished({ status }: Stripe.PaymentIntent): boolean {
  return UNFINISHED.has(status)
}

/** Finds the intents of an attempt. The search knows our own key but lags, so each intent is read again. */
async function findIntents(stripe: Stripe, { gatewayKey, gatewayRef }: LookupRequest) {
  if (gatewayRef !== undefined) {
    const known = await retrieve(stripe, gatewayRef)
    if (known !== undefined && isOf(known, gatewayKey)) return [known]
  }
  if (!/^[\w-]+$/.test(gatewayKey)) throw new Error('the key cannot be searched for')
  const query = `metadata['gateway_key']:'${gatewayKey}'`
  const { data } = await stripe.paymentIntents.search({ query, limit: 10 })
  const found: Stripe.PaymentIntent[] = []
  for (const { id } of data.filter((intent) => isOf(intent, gatewayKey))) {
    const intent = await retrieve(stripe, id)
    if (intent !== undefined) found.push(intent)
  }
  return found
}

/** Reads the state of the charge: while it can be captured or canceled, a capture or void has had no effect. */
async function findMovement(
  stripe: Stripe,
  kind: 'capture' | 'void',
  { chargeRef }: LookupRequest,
): Promise<ChargeOutcome[]> {
  if (chargeRef === undefined) throw new Error('the charge is not known')
  const intent = await retrieve(stripe, chargeRef)
  if (intent === undefined) throw new Error('the gateway does not know the charge')
  const isOpen = kind === 'void' ? isUnfinished(intent) : intent.status === 'requires_capture'
  return isOpen ? [] : [outcomeOfIntentMovement(kind, intent)]
}

/** Finds the refunds under a key among those of the charge; the list does not lag. */
async function findRefunds(
  stripe: Stripe,
  { gatewayKey, gatewayRef, chargeRef }: LookupRequest,
): Promise<Stripe.Refund[]> {
  if (gatewayRef !== undefined) {
    const known = await orMissing(stripe.refunds.retrieve(gatewayRef))
    if (known !== undefined && isOf(known, gatewayKey)) return [known]
  }
  if (chargeRef === undefined) throw new Error('the charge is not known')
  const listed = stripe.refunds.list({ ...refundedBy(chargeRef), limit: 100 })
  const refunds = await listed.autoPagingToArray({ limit: MAX_REFUNDS })
  const found = refunds.filter((refund) => isOf(refund, gatewayKey))
  // It may be among those that were not read.
  if (found.length === 0 && refunds.length === MAX_REFUNDS)
    throw new Error(`the charge has ${MAX_REFUNDS} refunds or more`)
  return found
}
