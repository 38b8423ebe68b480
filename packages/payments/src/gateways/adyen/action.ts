import { createHash } from 'node:crypto'
import type {
  PaymentCompletionDetails,
  PaymentDetailsResponse,
} from '@adyen/api-library/lib/src/typings/checkout/models.js'
import type { ActionResult, LookupAnswer } from '../gateway.ts'
import type { GatewayCall } from '../sender.ts'
import { outcomeOfError } from './error.ts'
import type { AdyenHttp } from './http.ts'
import { outcomeOfPayment } from './outcome.ts'
import { referenceOf } from './parameters.ts'
import type { AdyenApi } from './sdk.ts'

/** What the call needs. */
export interface ActionClient {
  readonly api: AdyenApi
  readonly http: AdyenHttp
  /** Own secrets, which nothing may repeat. */
  readonly secrets: readonly string[]
}

/**
 * Sends Adyen what its redirect or its component gave the customer. Only an answer with the reference of this charge is about
 * it: a result of another payment ends that one, here and at Adyen.
 */
export async function completeAction(
  { api, http, secrets }: ActionClient,
  request: ActionResult,
  signal: AbortSignal,
): Promise<LookupAnswer> {
  const details = detailsOf(request)
  if (details === undefined) return { type: 'NOT_FOUND' }
  const call: GatewayCall = { signal, mayHaveLeft: false }
  const options = { idempotencyKey: keyOf(request, details) }
  try {
    return answerOf(await http.run(call, () => api.payments.paymentsDetails({ details }, options)), request)
  } catch (error) {
    const privateTexts = [...secrets, ...Object.values(request.result)]
    const outcome = outcomeOfError(error, { call, isSpecific: true, privateTexts })
    if (outcome.type === 'REJECTED' && outcome.fault === 'payment') return { type: 'NOT_FOUND' }
    return { type: 'FAILED_TO_ASK', reason: 'reason' in outcome ? outcome.reason : outcome.type }
  }
}

/** Undefined when nothing of it is Adyen's. */
function detailsOf({ result }: ActionResult): PaymentCompletionDetails | undefined {
  const { redirectResult, threeDSResult } = result
  const given = {
    ...(redirectResult !== undefined && { redirectResult }),
    ...(threeDSResult !== undefined && { threeDSResult }),
  }
  return Object.keys(given).length === 0 ? undefined : given
}

/** A key of Adyen's has 64 characters at most. It is no secret, so it tells nothing of the result. */
function keyOf({ gatewayKey }: ActionResult, details: PaymentCompletionDetails): string {
  const { redirectResult = null, threeDSResult = null } = details
  const text = JSON.stringify([gatewayKey, redirectResult, threeDSResult])
  return createHash('sha256').update(text).digest('hex')
}

function answerOf(answer: PaymentDetailsResponse, request: ActionResult): LookupAnswer {
  const { merchantReference } = answer
  if (merchantReference === undefined)
    return { type: 'FAILED_TO_ASK', reason: 'the answer does not name its charge' }
  if (merchantReference !== referenceOf(request)) return { type: 'NOT_FOUND' }
  const isManual = request.capture === 'manual'
  const outcome = outcomeOfPayment(answer, { isManual, customerPresent: true })
  return outcome.type === 'UNKNOWN'
    ? { type: 'FAILED_TO_ASK', reason: outcome.reason }
    : { type: 'FOUND', outcome }
}
