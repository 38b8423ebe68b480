import { propertyOf } from '@titan/queue-core/text-of'
import type Stripe from 'stripe'
import { PaymentsError } from '../domain/errors.ts'
import type { ChargeOutcome, ChargeRequest, Gateway, LookupAnswer, LookupRequest } from './gateway.ts'
import { toStripeAmount } from './stripe-amount.ts'
import { createStripeHttp, type StripeCall } from './stripe-http.ts'
import { outcomeOfError, outcomeOfIntent, reasonOfError } from './stripe-outcome.ts'
import { loadSdk } from './stripe-sdk.ts'
import { createStripeWebhookParser } from './stripe-webhook.ts'

/** Options of {@link createStripeGateway}. */
export interface StripeGatewayOptions {
  /** `sk_…` or `rk_…`. */
  readonly secretKey: string
  /** The payment method that is charged, such as Stripe's test method `pm_card_visa`. */
  readonly paymentMethod: string
  /** @default 'https://api.stripe.com' */
  readonly baseUrl?: string
  /** Signing secret of the webhooks that Stripe sends us. @default none: webhooks are not taken */
  readonly webhookSecret?: string
  /** Longest time until an answer, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
  /** Longest time until a connection, in milliseconds. @default 2000 */
  readonly connectTimeoutMs?: number
  /** How long Stripe remembers a key, in milliseconds. @default 82800000: a day, less an hour */
  readonly keyTtlMs?: number
  /** Stored with each attempt. @default 'stripe' */
  readonly name?: string
}

/** Stripe keeps keys for at least a day; an hour less is for clocks that differ. */
const KEY_TTL_MS = 23 * 3_600_000
/** An answer is a few kilobytes long. */
const MAX_BODY_BYTES = 1_048_576

/**
 * Charges through Stripe's PaymentIntents, one intent for each attempt, under our own idempotency key. Each request is
 * sent once: repeating is the caller's business, since only the caller knows what was sent before.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS` for a base URL that is none
 */
export function createStripeGateway(options: StripeGatewayOptions): Gateway {
  const { secretKey, paymentMethod, webhookSecret, name = 'stripe', keyTtlMs = KEY_TTL_MS } = options
  const { timeoutMs = 10_000, connectTimeoutMs = 2_000 } = options
  const http = createStripeHttp({ connectTimeoutMs, maxBodyBytes: MAX_BODY_BYTES })
  const stripe = new (loadSdk())(secretKey, {
    ...addressOf(options.baseUrl),
    httpClient: http.client,
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    telemetry: false,
  })

  async function charge(request: ChargeRequest, { signal }: { signal: AbortSignal }): Promise<ChargeOutcome> {
    const amount = toStripeAmount(request.amount, request.currency)
    // Whoever sends this attempt decides the same, so nothing was and will be sent under its key.
    if (amount === undefined) return { type: 'DECLINED', code: 'invalid_amount', kind: 'hard' }
    const call: StripeCall = { signal, mayHaveLeft: false }
    try {
      const intent = await http.run(call, () =>
        stripe.paymentIntents.create(parametersOf(request, amount, paymentMethod), {
          idempotencyKey: request.gatewayKey,
        }),
      )
      if (!isOf(intent, request.gatewayKey))
        return { type: 'UNKNOWN', reason: 'the answer is about another charge' }
      return outcomeOfIntent(intent)
    } catch (error) {
      return outcomeOfError(error, call)
    }
  }

  async function lookup(
    { gatewayKey, gatewayRef }: LookupRequest,
    { signal }: { signal: AbortSignal },
  ): Promise<LookupAnswer> {
    try {
      const intents = await http.run({ signal, mayHaveLeft: false }, () => find(gatewayKey, gatewayRef))
      const [first, ...more] = intents.map(outcomeOfIntent)
      if (first === undefined) return { type: 'NOT_FOUND' }
      // More than one is a key that was used after its time; money that moved is what counts.
      const succeeded = [first, ...more].find(({ type }) => type === 'SUCCEEDED')
      return { type: 'FOUND', outcome: succeeded ?? first }
    } catch (error) {
      return { type: 'FAILED_TO_ASK', reason: reasonOfError(error) }
    }
  }

  /** The search knows our own key but lags behind; the intents themselves are read as they are now. */
  async function find(gatewayKey: string, gatewayRef: string | undefined): Promise<Stripe.PaymentIntent[]> {
    if (gatewayRef !== undefined) {
      const known = await retrieve(gatewayRef)
      if (known !== undefined && isOf(known, gatewayKey)) return [known]
    }
    if (!/^[\w-]+$/.test(gatewayKey)) throw new Error('the key cannot be searched for')
    const { data } = await stripe.paymentIntents.search({
      query: `metadata['gateway_key']:'${gatewayKey}'`,
      limit: 10,
    })
    const found: Stripe.PaymentIntent[] = []
    for (const { id } of data.filter((intent) => isOf(intent, gatewayKey))) {
      const intent = await retrieve(id)
      if (intent !== undefined) found.push(intent)
    }
    return found
  }

  async function retrieve(id: string): Promise<Stripe.PaymentIntent | undefined> {
    try {
      return await stripe.paymentIntents.retrieve(id)
    } catch (error) {
      if (propertyOf(error, 'statusCode') === 404) return undefined
      throw error
    }
  }

  return {
    name,
    keyTtlMs,
    charge,
    lookup,
    ...(webhookSecret !== undefined && {
      parseWebhook: createStripeWebhookParser(stripe.webhooks, webhookSecret),
    }),
    close: async () => http.close(),
  }
}

/** The same for the same attempt, always: under one key Stripe takes one set of parameters. */
function parametersOf(
  { paymentId, attemptNo, gatewayKey, currency }: ChargeRequest,
  amount: number,
  paymentMethod: string,
): Stripe.PaymentIntentCreateParams {
  return {
    amount,
    currency: currency.toLowerCase(),
    confirm: true,
    // Nobody is there to answer a question of the bank's.
    error_on_requires_action: true,
    payment_method: paymentMethod,
    allowed_payment_method_types: ['card'],
    metadata: { payment_id: paymentId, attempt: attemptNo, gateway_key: gatewayKey },
  }
}

function isOf({ metadata }: Stripe.PaymentIntent, gatewayKey: string): boolean {
  return metadata['gateway_key'] === gatewayKey
}

function addressOf(
  baseUrl = 'https://api.stripe.com',
): Pick<Stripe.StripeConfig, 'host' | 'port' | 'protocol'> {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  const protocol = url?.protocol.slice(0, -1)
  if (url === undefined || (protocol !== 'http' && protocol !== 'https'))
    throw new PaymentsError('INVALID_OPTIONS', 'baseUrl must begin with http:// or https://')
  return {
    host: url.hostname,
    port: url.port === '' ? (protocol === 'http' ? 80 : 443) : Number(url.port),
    protocol,
  }
}
