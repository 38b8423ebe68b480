import { PaymentsError } from '../../domain/errors.ts'
import type { ChargeOutcome, ChargeRequest, Gateway } from '../gateway.ts'
import { toStripeAmount } from './amount.ts'
import { isOf, type StripeClient } from './client.ts'
import { outcomeOfChargeError } from './error.ts'
import { createStripeHttp, loadSdk, type StripeCall } from './http.ts'
import { abandon, lookup } from './inquiry.ts'
import { list } from './list.ts'
import { move } from './movement.ts'
import { outcomeOfIntent } from './outcome.ts'
import { chargeParameters } from './parameters.ts'
import { createStripeWebhookParser } from './webhook.ts'

export interface StripeGatewayOptions {
  /** `sk_…` or `rk_…`. */
  readonly secretKey: string
  /**
   * Charged by a payment that names none, such as Stripe's test method `pm_card_visa`. Heeded with a test key only.
   * @default none: such a payment is refused
   */
  readonly paymentMethod?: string | undefined
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

/** Whether a key can only move test money. */
function isTestKey(secretKey: string): boolean {
  return /^(sk|rk)_test_/.test(secretKey)
}

/**
 * Charges through Stripe's PaymentIntents, one intent for each attempt, and captures, voids and refunds them, each under
 * our own idempotency key. Sends each request once: only the caller knows what was sent before, so the caller repeats.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS` for an invalid base URL
 */
export function createStripeGateway(options: StripeGatewayOptions): Gateway {
  const { secretKey, webhookSecret, name = 'stripe', keyTtlMs = KEY_TTL_MS } = options
  const { timeoutMs = 10_000, connectTimeoutMs = 2_000 } = options
  const mode = isTestKey(secretKey) ? 'test' : 'live'
  const paymentMethod = mode === 'test' ? options.paymentMethod : undefined
  const http = createStripeHttp(connectTimeoutMs)
  const stripe = new (loadSdk())(secretKey, {
    ...addressOf(options.baseUrl),
    httpClient: http.client,
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    telemetry: false,
  })
  const client: StripeClient = { stripe, http }
  return {
    name,
    mode,
    keyTtlMs,
    charge: (request, { signal }) => charge(client, request, { signal, paymentMethod }),
    move: (request, { signal }) => move(client, request, signal),
    lookup: (request, { signal }) => lookup(client, request, signal),
    abandon: (request, { signal }) => abandon(client, request, signal),
    list: (request, { signal }) => list(client, request, signal),
    parseWebhook:
      webhookSecret === undefined ? undefined : createStripeWebhookParser(stripe.webhooks, webhookSecret),
    close: async () => http.close(),
  }
}

interface ChargeOptions {
  readonly signal: AbortSignal
  /** Charged by a request that names none. */
  readonly paymentMethod: string | undefined
}

async function charge(
  { stripe, http }: StripeClient,
  request: ChargeRequest,
  options: ChargeOptions,
): Promise<ChargeOutcome> {
  const amount = toStripeAmount(request.amount, request.currency)
  // Every sender of this attempt decides the same, so nothing was or will be sent under its key.
  if (amount === undefined) return { type: 'DECLINED', code: 'invalid_amount', kind: 'hard' }
  const paymentMethod = request.paymentMethod ?? options.paymentMethod
  if (paymentMethod === undefined) return NO_PAYMENT_METHOD
  const { gatewayKey: idempotencyKey } = request
  const call: StripeCall = { signal: options.signal, mayHaveLeft: false }
  try {
    const parameters = chargeParameters(request, amount, paymentMethod)
    const intent = await http.run(call, () => stripe.paymentIntents.create(parameters, { idempotencyKey }))
    if (isOf(intent, idempotencyKey)) return outcomeOfIntent(intent)
    return { type: 'UNKNOWN', reason: 'the answer is about another charge' }
  } catch (error) {
    return outcomeOfChargeError(error, call, request)
  }
}

/** Ends a first attempt. A sender with other settings may have had a method, so it says nothing about earlier ones. */
const NO_PAYMENT_METHOD: ChargeOutcome = {
  type: 'REJECTED',
  code: 'payment_method_required',
  reason: 'the payment names no payment method',
  fault: 'payment',
  isReplay: false,
}

function addressOf(baseUrl = 'https://api.stripe.com') {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  const protocol = url?.protocol.slice(0, -1)
  if (url === undefined || (protocol !== 'http' && protocol !== 'https'))
    throw new PaymentsError('INVALID_OPTIONS', `baseUrl must start with http:// or https://, got ${baseUrl}`)
  return { host: url.hostname, port: url.port || (protocol === 'http' ? 80 : 443), protocol } as const
}
