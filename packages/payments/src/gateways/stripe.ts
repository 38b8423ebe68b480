import { propertyOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import { PaymentsError } from '../domain/errors.ts'
import type { ChargeOutcome, ChargeRequest, Gateway, LookupAnswer, LookupRequest } from './gateway.ts'
import { toStripeAmount } from './stripe-amount.ts'
import { createStripeHttp, loadSdk, type StripeCall } from './stripe-http.ts'
import { outcomeOfError, outcomeOfIntent, reasonOfError } from './stripe-outcome.ts'
import { createStripeWebhookParser } from './stripe-webhook.ts'

export interface StripeGatewayOptions {
  /** `sk_…` or `rk_…`. */
  readonly secretKey: string
  /** The payment method that is charged, such as Stripe's test method `pm_card_visa`. */
  readonly paymentMethod: string
  /** @default 'https://api.stripe.com' */
  readonly baseUrl?: string | undefined
  /** Signing secret of the webhooks that Stripe sends. @default none: webhooks are not accepted */
  readonly webhookSecret?: string | undefined
  /** Longest time until an answer, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined
  /** Longest time until a connection, in milliseconds. @default 2000 */
  readonly connectTimeoutMs?: number | undefined
  /** How long Stripe remembers a key, in milliseconds. @default 82800000: a day, less an hour */
  readonly keyTtlMs?: number | undefined
  /** Stored with each attempt. @default 'stripe' */
  readonly name?: string | undefined
}

/** Stripe keeps keys for at least a day; the hour allows for clocks that differ. */
const KEY_TTL_MS = 23 * 3_600_000

/**
 * Charges through Stripe's PaymentIntents, one intent for each attempt, under our own idempotency key. Sends each request
 * once: only the caller knows what was sent before, so the caller repeats.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS` for an invalid base URL
 */
export function createStripeGateway(options: StripeGatewayOptions): Gateway {
  const { secretKey, paymentMethod, webhookSecret, name = 'stripe', keyTtlMs = KEY_TTL_MS } = options
  const { timeoutMs = 10_000, connectTimeoutMs = 2_000 } = options
  const http = createStripeHttp(connectTimeoutMs)
  const stripe = new (loadSdk())(secretKey, {
    ...addressOf(options.baseUrl),
    httpClient: http.client,
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    telemetry: false,
  })

  async function charge(request: ChargeRequest, { signal }: { signal: AbortSignal }): Promise<ChargeOutcome> {
    const amount = toStripeAmount(request.amount, request.currency)
    // Every sender of this attempt decides the same, so nothing was or will be sent under its key.
    if (amount === undefined) return { type: 'DECLINED', code: 'invalid_amount', kind: 'hard' }
    const call: StripeCall = { signal, mayHaveLeft: false }
    try {
      const parameters = parametersOf(request, amount, paymentMethod)
      const idempotencyKey = request.gatewayKey
      const intent = await http.run(call, () => stripe.paymentIntents.create(parameters, { idempotencyKey }))
      if (isOf(intent, request.gatewayKey)) return outcomeOfIntent(intent)
      return { type: 'UNKNOWN', reason: 'the answer is about another charge' }
    } catch (error) {
      return outcomeOfError(error, call)
    }
  }

  async function lookup(request: LookupRequest, { signal }: { signal: AbortSignal }): Promise<LookupAnswer> {
    try {
      const intents = await http.run({ signal, mayHaveLeft: false }, () => findIntents(stripe, request))
      const [first, ...more] = intents.map(outcomeOfIntent)
      if (first === undefined) return { type: 'NOT_FOUND' }
      // More than one means a key that was used after its time; money that moved is what counts.
      const succeeded = [first, ...more].find(({ type }) => type === 'SUCCEEDED')
      return { type: 'FOUND', outcome: succeeded ?? first }
    } catch (error) {
      return { type: 'FAILED_TO_ASK', reason: reasonOfError(error) }
    }
  }

  return {
    name,
    keyTtlMs,
    charge,
    lookup,
    parseWebhook:
      webhookSecret === undefined ? undefined : createStripeWebhookParser(stripe.webhooks, webhookSecret),
    close: async () => http.close(),
  }
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

async function retrieve(stripe: Stripe, id: string): Promise<Stripe.PaymentIntent | undefined> {
  try {
    return await stripe.paymentIntents.retrieve(id)
  } catch (error) {
    if (propertyOf(error, 'statusCode') === 404) return undefined
    throw error
  }
}

/** Builds parameters that depend on the attempt alone: under one key Stripe accepts one set of parameters. */
function parametersOf(
  { paymentId, attemptNo, gatewayKey, currency }: ChargeRequest,
  amount: number,
  paymentMethod: string,
): Stripe.PaymentIntentCreateParams {
  return {
    amount,
    currency: currency.toLowerCase(),
    confirm: true,
    // No cardholder is present to answer the bank's questions.
    error_on_requires_action: true,
    payment_method: paymentMethod,
    allowed_payment_method_types: ['card'],
    metadata: { payment_id: paymentId, attempt: attemptNo, gateway_key: gatewayKey },
  }
}

function isOf({ metadata }: Stripe.PaymentIntent, gatewayKey: string): boolean {
  return metadata['gateway_key'] === gatewayKey
}

function addressOf(baseUrl = 'https://api.stripe.com') {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  const protocol = url?.protocol.slice(0, -1)
  if (url === undefined || (protocol !== 'http' && protocol !== 'https'))
    throw new PaymentsError('INVALID_OPTIONS', `baseUrl must start with http:// or https://, got ${baseUrl}`)
  return { host: url.hostname, port: url.port || (protocol === 'http' ? 80 : 443), protocol } as const
}
