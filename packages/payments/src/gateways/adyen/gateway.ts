import { PaymentsError } from '../../domain/errors.ts'
import type { ChargeOutcome, ChargeRequest, Gateway, MovementRequest } from '../gateway.ts'
import { privateTextsOf } from '../redaction.ts'
import type { GatewayCall } from '../sender.ts'
import { completeAction, type ActionClient } from './action.ts'
import { toAdyenAmount } from './amount.ts'
import { outcomeOfError } from './error.ts'
import { createAdyenHttp } from './http.ts'
import { isReference, outcomeOfPayment, unknown } from './outcome.ts'
import { cancelRequest, captureRequest, paymentRequest, referenceOf, refundRequest } from './parameters.ts'
import { createApi } from './sdk.ts'
import { createAdyenWebhookParser } from './webhook.ts'

export interface AdyenGatewayOptions {
  readonly apiKey: string
  readonly merchantAccount: string
  /** @default 'test' */
  readonly environment?: 'test' | 'live' | undefined
  /** The account's own prefix of live addresses; required there. */
  readonly livePrefix?: string | undefined
  /** Base URL in place of Adyen's, such as a simulator's. */
  readonly baseUrl?: string | undefined
  /** HMAC key of the webhooks, 64 hexadecimal digits. @default none: webhooks are not accepted */
  readonly hmacKey?: string | undefined
  /** User and password of the webhooks, parted by a colon. @default none are asked for */
  readonly webhookLogin?: string | undefined
  /** Longest time until an answer, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined
  /** Longest time until a connection, in milliseconds. @default 2000 */
  readonly connectTimeoutMs?: number | undefined
  /** How long Adyen remembers a key, in milliseconds. @default 601200000: seven days, less an hour */
  readonly keyTtlMs?: number | undefined
  /** Stored with each attempt. @default 'adyen' */
  readonly name?: string | undefined
}

/** Adyen keeps keys for at least seven days; the hour allows for clocks that differ. */
const KEY_TTL_MS = 167 * 3_600_000

/** What the calls need. */
interface AdyenClient extends ActionClient {
  readonly merchantAccount: string
  readonly isLive: boolean
}

/**
 * Charges through Adyen's Checkout API, one payment for each attempt, and captures, cancels and refunds them, each under our
 * own idempotency key. Sends each request once: only the caller knows what was sent before, so the caller repeats.
 *
 * It cannot be asked: Adyen finds no payment by a reference of ours. What is unknown is found out by a repeat under the
 * same key, for seven days, and by webhooks, which name our key; what both leave open, an operator or a report decides.
 * Captures, cancellations and refunds are only received at first, and are over when a webhook says so.
 *
 * It cannot abandon what a customer left: Adyen cancels authorizations, by its reference or ours, and answers only that it
 * has the request. Nothing says that a payment that is not authorized yet cannot be after that, so such a payment goes to
 * review, where a webhook (`OFFER_CLOSED`, `AUTHORISATION`) still ends it.
 *
 * @throws {PaymentsError} `INVALID_OPTIONS` for an invalid base URL, or a live environment without its prefix
 */
export function createAdyenGateway(options: AdyenGatewayOptions): Gateway {
  const { apiKey, merchantAccount, environment = 'test', livePrefix, hmacKey, webhookLogin } = options
  const { name = 'adyen', keyTtlMs = KEY_TTL_MS, timeoutMs = 10_000, connectTimeoutMs = 2_000 } = options
  const isLive = environment === 'live'
  if (isLive && livePrefix === undefined)
    throw new PaymentsError('INVALID_OPTIONS', 'livePrefix is required in the live environment')
  const http = createAdyenHttp({ baseUrl: options.baseUrl, timeoutMs, connectTimeoutMs })
  const api = createApi({ apiKey, isLive, livePrefix }, http.client)
  const client: AdyenClient = { api, http, merchantAccount, isLive, secrets: [apiKey] }
  return {
    name,
    keyTtlMs,
    mode: environment,
    charge: (request, { signal }) => charge(client, request, signal),
    move: (request, { signal }) => move(client, request, signal),
    completeAction: (request, { signal }) => completeAction(client, request, signal),
    parseWebhook:
      hmacKey === undefined
        ? undefined
        : createAdyenWebhookParser({ hmacKey, merchantAccount, webhookLogin }),
    close: async () => http.close(),
  }
}

/** Every sender of the attempt decides the same, so nothing was or will be sent under its key. */
const INVALID_AMOUNT: ChargeOutcome = { type: 'DECLINED', code: 'invalid_amount', kind: 'hard' }

async function charge(
  client: AdyenClient,
  request: ChargeRequest,
  signal: AbortSignal,
): Promise<ChargeOutcome> {
  const amount = toAdyenAmount(request.amount, request.currency)
  if (amount === undefined) return INVALID_AMOUNT
  const refused = refusalOf(request, client)
  if (refused !== undefined) return refused
  const { api, http, merchantAccount, secrets } = client
  const { gatewayKey: idempotencyKey, capture, customerPresent = false } = request
  const call: GatewayCall = { signal, mayHaveLeft: false }
  try {
    const parameters = paymentRequest(request, { amount, merchantAccount })
    const answer = await http.run(call, () => api.payments.payments(parameters, { idempotencyKey }))
    if (answer.merchantReference !== undefined && answer.merchantReference !== referenceOf(request))
      return unknown('the answer is about another charge')
    return outcomeOfPayment(answer, { isManual: capture === 'manual', customerPresent })
  } catch (error) {
    const privateTexts = [...secrets, ...privateTextsOf(request)]
    return outcomeOfError(error, { call, isSpecific: request.paymentMethod !== undefined, privateTexts })
  }
}

/** Ends a first attempt. A sender with other settings may have sent it, so it says nothing about earlier ones. */
function refusalOf(
  { paymentMethod, customer, customerPresent, returnUrl }: ChargeRequest,
  { isLive }: AdyenClient,
): ChargeOutcome | undefined {
  if (paymentMethod === undefined && isLive)
    return rejected('payment_method_required', 'the payment names no payment method')
  if (paymentMethod !== undefined && customer === undefined)
    return rejected('customer_required', 'Adyen charges a stored payment method of a named customer only')
  if (customerPresent === true && returnUrl === undefined)
    return rejected('return_url_required', 'Adyen redirects the customer: name a return_url')
  return undefined
}

function rejected(code: string, reason: string): ChargeOutcome {
  return { type: 'REJECTED', code, reason, fault: 'payment', isReplay: false }
}

/** Asks for a capture, void or refund, once per key. Adyen answers that it has the request, and decides later. */
async function move(
  client: AdyenClient,
  request: MovementRequest,
  signal: AbortSignal,
): Promise<ChargeOutcome> {
  const amount = toAdyenAmount(request.amount, request.currency)
  if (amount === undefined) return INVALID_AMOUNT
  const call: GatewayCall = { signal, mayHaveLeft: false }
  try {
    const { pspReference, paymentPspReference, reference } = await client.http.run(call, () =>
      send(client, request, amount),
    )
    const isOurs =
      paymentPspReference === request.chargeRef && (reference ?? request.gatewayKey) === request.gatewayKey
    if (!isOurs || !isReference(pspReference)) return unknown(`the answer is about another ${request.kind}`)
    return { type: 'PENDING', gatewayRef: pspReference }
  } catch (error) {
    const privateTexts = [...client.secrets, ...(request.reason === undefined ? [] : [request.reason])]
    return outcomeOfError(error, { call, isSpecific: true, privateTexts })
  }
}

interface Taken {
  readonly pspReference: string
  readonly paymentPspReference: string
  readonly reference?: string
}

function send(
  { api, merchantAccount }: AdyenClient,
  request: MovementRequest,
  amount: number,
): Promise<Taken> {
  const { modifications } = api
  const { kind, chargeRef, gatewayKey: idempotencyKey } = request
  const given = { amount, merchantAccount }
  const options = { idempotencyKey }
  switch (kind) {
    case 'capture':
      return modifications.captureAuthorisedPayment(chargeRef, captureRequest(request, given), options)
    case 'void':
      return modifications.cancelAuthorisedPaymentByPspReference(
        chargeRef,
        cancelRequest(request, merchantAccount),
        options,
      )
    case 'refund':
      return modifications.refundCapturedPayment(chargeRef, refundRequest(request, given), options)
  }
}
