import { declineKindOf } from '../../domain/declines.ts'
import type { ChargeOutcome } from '../gateway.ts'

/**
 * Adyen's refusal reasons: its code, its text, and the code that attempts are stored with, which says whether another try
 * may succeed. See https://docs.adyen.com/development-resources/refusal-reasons.
 */
const REFUSALS: readonly (readonly [code: string, reason: string, ours: string])[] = [
  ['2', 'Refused', 'generic_decline'],
  ['3', 'Referral', 'call_issuer'],
  ['4', 'Acquirer Error', 'processing_error'],
  ['5', 'Blocked Card', 'restricted_card'],
  ['6', 'Expired Card', 'expired_card'],
  ['7', 'Invalid Amount', 'invalid_amount'],
  ['8', 'Invalid Card Number', 'incorrect_number'],
  ['9', 'Issuer Unavailable', 'issuer_not_available'],
  ['10', 'Not supported', 'card_not_supported'],
  ['11', '3D Not Authenticated', 'authentication_failed'],
  ['12', 'Not enough balance', 'insufficient_funds'],
  ['14', 'Acquirer Fraud', 'fraudulent'],
  ['15', 'Cancelled', 'canceled'],
  ['16', 'Shopper Cancelled', 'canceled_by_customer'],
  ['17', 'Invalid Pin', 'incorrect_pin'],
  ['18', 'Pin tries exceeded', 'pin_try_exceeded'],
  ['19', 'Pin validation not possible', 'pin_not_verifiable'],
  ['20', 'FRAUD', 'fraudulent'],
  ['21', 'Not Submitted', 'not_submitted'],
  ['22', 'FRAUD-CANCELLED', 'fraudulent'],
  ['23', 'Transaction Not Permitted', 'transaction_not_allowed'],
  ['24', 'CVC Declined', 'incorrect_cvc'],
  ['25', 'Restricted Card', 'restricted_card'],
  ['26', 'Revocation Of Auth', 'revocation_of_authorization'],
  ['27', 'Declined Non Generic', 'generic_decline'],
  ['28', 'Withdrawal amount exceeded', 'card_velocity_exceeded'],
  ['29', 'Withdrawal count exceeded', 'withdrawal_count_limit_exceeded'],
  ['31', 'Issuer Suspected Fraud', 'fraudulent'],
  ['32', 'AVS Declined', 'incorrect_address'],
  ['33', 'Card requires online pin', 'pin_required'],
  ['34', 'No checking account available on Card', 'no_such_account'],
  ['35', 'No savings account available on Card', 'no_such_account'],
  ['36', 'Mobile pin required', 'pin_required'],
  ['37', 'Contactless fallback', 'card_not_supported'],
  ['38', 'Authentication required', 'authentication_required'],
  ['39', 'RReq not received from DS', 'authentication_failed'],
  ['40', 'Current AID is in Penalty Box', 'card_not_supported'],
  ['41', 'CVM Required Restart Payment', 'authentication_required'],
  ['42', '3DS Authentication Error', 'authentication_failed'],
  ['46', 'Transaction blocked by Adyen to prevent excessive retry fees', 'retries_blocked'],
]

const BY_CODE = new Map(REFUSALS.map(([code, , ours]) => [code, ours]))
const BY_REASON = new Map(REFUSALS.map(([, reason, ours]) => [reason.toLowerCase(), ours]))

/** Mastercard's advice never to try the card again, where the account shows it: `03`, `21`. */
const NEVER_AGAIN = /^(?:03|21)\b/

/** What Adyen says about a refusal, all of it optional. */
interface Refusal {
  readonly refusalReasonCode?: string | undefined
  readonly reason?: string | undefined
  readonly advice?: string | undefined
}

/** Returns a decline. A code that is not known is final, and so is one that comes without any. */
export function declined(refusal: Refusal, gatewayRef: string | undefined): ChargeOutcome {
  const code = codeOf(refusal)
  const isFinal = NEVER_AGAIN.test(refusal.advice ?? '')
  return { type: 'DECLINED', code, kind: isFinal ? 'hard' : declineKindOf(code), gatewayRef }
}

function codeOf({ refusalReasonCode = '', reason = '' }: Refusal): string {
  // A webhook writes the code before the text, or leaves it out.
  const [, number = refusalReasonCode, text = reason] = /^(\d{1,3})\s*:\s*(.*)$/s.exec(reason) ?? []
  const known = BY_CODE.get(number) ?? BY_REASON.get(text.trim().toLowerCase())
  return known ?? (/^\d{1,3}$/.test(number) ? `refused_${number}` : 'refused')
}
