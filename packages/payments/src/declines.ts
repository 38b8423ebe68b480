/** Whether a declined charge may be tried again: `hard` never, `soft` later and only where that is enabled. */
export type DeclineKind = 'hard' | 'soft'

/**
 * What is known about decline codes, as data. Issuers, networks and acquirers disagree and change their lists;
 * a code that is not here is hard, because the networks' rule for a decline without advice is not to retry.
 */
export const DECLINE_KINDS: Readonly<Record<string, DeclineKind>> = {
  // May succeed later without the customer doing anything else.
  insufficient_funds: 'soft',
  issuer_not_available: 'soft',
  processing_error: 'soft',
  reenter_transaction: 'soft',
  try_again_later: 'soft',
  card_velocity_exceeded: 'soft',
  withdrawal_count_limit_exceeded: 'soft',
  approve_with_id: 'soft',
  do_not_honor: 'soft',
  generic_decline: 'soft',
  // Final for this card or this account.
  account_closed: 'hard',
  authentication_required: 'hard',
  card_not_supported: 'hard',
  currency_not_supported: 'hard',
  expired_card: 'hard',
  fraudulent: 'hard',
  incorrect_cvc: 'hard',
  incorrect_number: 'hard',
  invalid_account: 'hard',
  invalid_amount: 'hard',
  lost_card: 'hard',
  new_account_information_available: 'hard',
  pickup_card: 'hard',
  restricted_card: 'hard',
  revocation_of_authorization: 'hard',
  stolen_card: 'hard',
  transaction_not_allowed: 'hard',
}

/** The kind of a decline code; unknown codes are hard. */
export function declineKindOf(code: string): DeclineKind {
  return DECLINE_KINDS[code] ?? 'hard'
}
