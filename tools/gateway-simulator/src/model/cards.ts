/** A payment method: one of Stripe's test cards, alone or as a customer's own. */
export interface CardRow {
  readonly id: string
  /** The test card behind it, such as `pm_card_visa`. */
  readonly token: string
  readonly customer: string | null
  /** Epoch milliseconds. */
  readonly created: number
}

/** What a test card looks like, and what it does. */
interface TestCard {
  readonly brand: string
  readonly last4: string
  readonly country?: string
  /** The behaviour of its charges. @default ok */
  readonly charge?: string
  /** The behaviour of its refunds. @default ok */
  readonly refund?: string
}

const visa = (last4: string, charge?: string): TestCard => ({
  brand: 'visa',
  last4,
  ...(charge !== undefined && { charge }),
})

/** Stripe's test cards, by the payment method that stands for them. */
const TEST_CARDS: Readonly<Record<string, TestCard>> = {
  pm_card_visa: visa('4242'),
  pm_card_visa_debit: visa('5556'),
  pm_card_us: visa('4242'),
  pm_card_mastercard: { brand: 'mastercard', last4: '4444' },
  pm_card_mastercard_debit: { brand: 'mastercard', last4: '3222' },
  pm_card_amex: { brand: 'amex', last4: '8431' },
  pm_card_discover: { brand: 'discover', last4: '9424' },
  pm_card_jcb: { brand: 'jcb', last4: '0505', country: 'JP' },
  pm_card_gb: { ...visa('0000'), country: 'GB' },
  pm_card_de: { ...visa('0016'), country: 'DE' },
  pm_card_bypassPending: visa('0077'),
  pm_card_chargeDeclined: visa('0002', 'decline:generic_decline'),
  pm_card_visa_chargeDeclined: visa('0002', 'decline:generic_decline'),
  pm_card_chargeDeclinedInsufficientFunds: visa('9995', 'decline:insufficient_funds'),
  pm_card_visa_chargeDeclinedInsufficientFunds: visa('9995', 'decline:insufficient_funds'),
  pm_card_chargeDeclinedLostCard: visa('9987', 'decline:lost_card'),
  pm_card_visa_chargeDeclinedLostCard: visa('9987', 'decline:lost_card'),
  pm_card_chargeDeclinedStolenCard: visa('9979', 'decline:stolen_card'),
  pm_card_visa_chargeDeclinedStolenCard: visa('9979', 'decline:stolen_card'),
  pm_card_chargeDeclinedExpiredCard: visa('0069', 'decline:expired_card'),
  pm_card_chargeDeclinedIncorrectCvc: visa('0127', 'decline:incorrect_cvc'),
  pm_card_chargeDeclinedProcessingError: visa('0119', 'decline:processing_error'),
  pm_card_chargeDeclinedFraudulent: visa('0019', 'decline:fraudulent'),
  pm_card_visa_chargeDeclinedVelocityLimitExceeded: visa('6975', 'decline:card_velocity_exceeded'),
  pm_card_chargeDeclinedVelocityLimitExceeded: visa('6975', 'decline:card_velocity_exceeded'),
  pm_card_chargeCustomerFail: visa('0341', 'decline:generic_decline'),
  pm_card_threeDSecure2Required: visa('3220', 'action'),
  pm_card_threeDSecureRequired: visa('3063', 'action'),
  pm_card_authenticationRequired: visa('3184', 'action'),
  pm_card_pendingRefund: { ...visa('7726'), refund: 'pending_then:ok' },
  pm_card_refundFail: { ...visa('5126'), refund: 'late_failure:expired_or_canceled_card' },
}

const FALLBACK = visa('4242')

/** Whether Stripe has the test card. */
export function isTestCard(token: string): boolean {
  return Object.hasOwn(TEST_CARDS, token)
}

/** Returns what a test card looks like. */
export function testCardOf(token: string): TestCard {
  return (isTestCard(token) ? TEST_CARDS[token] : undefined) ?? FALLBACK
}
