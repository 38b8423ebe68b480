/** Adyen's code and text of a refusal, by the decline code of a behaviour. */
const REFUSALS: Readonly<Record<string, readonly [code: string, reason: string]>> = {
  generic_decline: ['2', 'Refused'],
  processing_error: ['4', 'Acquirer Error'],
  stolen_card: ['5', 'Blocked Card'],
  lost_card: ['5', 'Blocked Card'],
  expired_card: ['6', 'Expired Card'],
  issuer_not_available: ['9', 'Issuer Unavailable'],
  payment_intent_authentication_failure: ['11', '3D Not Authenticated'],
  insufficient_funds: ['12', 'Not enough balance'],
  fraudulent: ['20', 'FRAUD'],
  incorrect_cvc: ['24', 'CVC Declined'],
  withdrawal_count_limit_exceeded: ['29', 'Withdrawal count exceeded'],
  authentication_required: ['38', 'Authentication required'],
  authentication_not_handled: ['38', 'Authentication required'],
}

/** Returns what Adyen says about a decline. */
export function refusalOf(code: string): {
  readonly refusalReasonCode: string
  readonly refusalReason: string
} {
  const known = Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined
  const [refusalReasonCode, refusalReason] = known ?? ['2', 'Refused']
  return { refusalReasonCode, refusalReason }
}
