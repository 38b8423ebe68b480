/**
 * What a decline says about another request. `never`: to send one. `funds`: money or a limit of the account. `issuer`: its
 * bank could not answer. `generic`: it did not say why.
 */
export type DeclineCategory = 'never' | SoftCategory
export type SoftCategory = 'funds' | 'issuer' | 'generic'

/** Most requests of one payment, at least 1, in any stretch of that length. */
export interface AttemptCap {
  readonly attempts: number
  readonly windowMs: number
}

const DAY = 86_400_000

/**
 * What the card networks allow before they charge fees, declined requests of one card and amount at one merchant.
 * Visa's Core Rules (reattempts, table 7-2): 15 in 30 days for everything that is not category 1 "never approves"; 20
 * since 2025, which not every acquirer follows. Mastercard's Transaction Processing Excellence: 10 in 24 hours, 7 in
 * some regions since 2023, and 35 in 30 days. Whose the card is is not known here, so a payment keeps to all of them.
 */
const NETWORK_CAPS: readonly AttemptCap[] = [
  { attempts: 7, windowMs: DAY },
  { attempts: 15, windowMs: 30 * DAY },
]

/** Requests after a soft decline of each category. A decline without a reason is the likeliest to be final. */
export const DEFAULT_ATTEMPT_CAPS: Readonly<Record<SoftCategory, readonly AttemptCap[]>> = {
  funds: NETWORK_CAPS,
  issuer: NETWORK_CAPS,
  generic: [
    { attempts: 2, windowMs: DAY },
    { attempts: 4, windowMs: 30 * DAY },
  ],
}

/**
 * The decline codes after which another request may be accepted. Issuers, networks and acquirers disagree and change
 * their lists; a code that is not here is `never`, because the networks' rule for a decline without advice is not to
 * retry. So are Visa's category 1, Mastercard's advice 03 and 21, and what only the customer can mend.
 */
const CATEGORIES = new Map<string, DeclineCategory>(
  Object.entries({
    insufficient_funds: 'funds',
    card_velocity_exceeded: 'funds',
    withdrawal_count_limit_exceeded: 'funds',
    issuer_not_available: 'issuer',
    processing_error: 'issuer',
    reenter_transaction: 'issuer',
    try_again_later: 'issuer',
    approve_with_id: 'generic',
    do_not_honor: 'generic',
    generic_decline: 'generic',
  }),
)

/**
 * The decline codes that a second gateway may answer differently, because the first one, its acquirer or its line to the bank
 * decided. What a lack of money, fraud, a lost card or the bank's advice not to retry decided is none: the networks count each
 * further request against the merchant, wherever it is made.
 */
export const ELSEWHERE_CODES: readonly string[] = [
  'card_not_supported',
  'currency_not_supported',
  ...[...CATEGORIES].flatMap(([code, category]) => (category === 'funds' ? [] : [code])),
]

/** Whether another gateway may be tried after a decline. `allowed`: the codes of a rule, which only narrow the table. */
export function mayGoElsewhere(
  { code, kind }: { readonly code: string; readonly kind: 'soft' | 'hard' },
  allowed: readonly string[] = ELSEWHERE_CODES,
): boolean {
  // A gateway that calls hard what the table calls soft passes on the bank's advice not to retry.
  return ELSEWHERE_CODES.includes(code) && allowed.includes(code) && kind === declineKindOf(code)
}

/** Whether a declined charge may be tried again: `hard` never, `soft` later and only where that is enabled. */
export function declineKindOf(code: string): 'hard' | 'soft' {
  return categoryOf(code) === 'never' ? 'hard' : 'soft'
}

export function categoryOf(code: string): DeclineCategory {
  return CATEGORIES.get(code) ?? 'never'
}

/** Returns the milliseconds until one more request keeps within every cap, by the ages of the requests so far. */
export function capDelay(caps: readonly AttemptCap[], agesMs: readonly number[]): number {
  const newestFirst = agesMs.toSorted((one, other) => one - other)
  const waits = caps.map(({ attempts, windowMs }) => windowMs - (newestFirst[attempts - 1] ?? windowMs))
  return Math.max(0, ...waits)
}
