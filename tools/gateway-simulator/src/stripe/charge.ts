import type Stripe from 'stripe'
import { testCardOf } from '../model/cards.ts'
import { digestOf } from '../model/ids.ts'
import type { ChargeRow, IntentRow } from '../model/intent.ts'
import { declineFactsOf } from './declines.ts'
import { NO_BILLING_DETAILS } from './payment-method.ts'
import { secondsOf } from './seconds.ts'

/** What the account's charges begin with on a customer's statement. */
const STATEMENT_PREFIX = 'TITAN'
const STATEMENT_LENGTH = 22

/** Writes a charge as Stripe does. It repeats much of its intent. */
export function chargeOf(intent: IntentRow, row: ChargeRow): Stripe.Charge {
  const { id, amount, amountCaptured, amountRefunded, error, status } = row
  const captured = amountCaptured > 0
  return {
    id,
    object: 'charge',
    amount,
    amount_captured: amountCaptured,
    amount_refunded: amountRefunded,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: captured ? `txn_${digestOf(id, 24)}` : null,
    billing_details: NO_BILLING_DETAILS,
    calculated_statement_descriptor: statementOf(intent),
    captured,
    created: secondsOf(row.created),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: error?.code ?? null,
    failure_message: error?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: outcomeOf(row),
    paid: status === 'succeeded',
    payment_intent: intent.id,
    payment_method: row.card.id,
    payment_method_details: { card: cardDetailsOf(row, intent), type: 'card' },
    receipt_email: intent.receiptEmail,
    receipt_number: null,
    receipt_url:
      status === 'succeeded' ? `https://pay.stripe.com/receipts/payment/${digestOf(id, 40)}` : null,
    refunded: status === 'succeeded' && amountRefunded === amount,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statementDescriptor,
    statement_descriptor_suffix: intent.statementDescriptorSuffix,
    status,
    transfer_data: null,
    transfer_group: null,
  }
}

function statementOf({ statementDescriptorSuffix: suffix }: IntentRow): string {
  const whole = suffix === null ? STATEMENT_PREFIX : `${STATEMENT_PREFIX}* ${suffix}`
  return whole.slice(0, STATEMENT_LENGTH)
}

function outcomeOf({ error }: ChargeRow): Stripe.Charge.Outcome {
  if (error === null)
    return {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: 'approved_by_network',
      reason: null,
      risk_level: 'normal',
      risk_score: 20,
      seller_message: 'Payment complete.',
      type: 'authorized',
    }
  const { advice, networkCode } = declineFactsOf(error.declineCode ?? error.code)
  return {
    advice_code: advice ?? null,
    network_advice_code: null,
    network_decline_code: networkCode ?? null,
    network_status: 'declined_by_network',
    reason: error.declineCode,
    risk_level: 'normal',
    risk_score: 20,
    seller_message: 'The bank did not return any further details with this decline.',
    type: 'issuer_declined',
  }
}

function cardDetailsOf(row: ChargeRow, intent: IntentRow): Stripe.Charge.PaymentMethodDetails.Card {
  const { brand, last4, country = 'US' } = testCardOf(row.card.token)
  const { captureBefore } = row
  return {
    amount_authorized: row.status === 'succeeded' ? row.amount : null,
    authorization_code: row.status === 'succeeded' ? digestOf(row.id, 6) : null,
    brand,
    ...(captureBefore !== null && { capture_before: secondsOf(captureBefore) }),
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country,
    electronic_commerce_indicator: null,
    exp_month: 12,
    exp_year: 2034,
    extended_authorization: { status: 'disabled' },
    fingerprint: `Fp${last4}`,
    funding: 'credit',
    incremental_authorization: { status: 'unavailable' },
    installments: null,
    last4,
    mandate: null,
    multicapture: { status: 'unavailable' },
    network: brand,
    network_token: { used: false },
    network_transaction_id: null,
    overcapture: { maximum_amount_capturable: intent.amount, status: 'unavailable' },
    regulated_status: 'unregulated',
    three_d_secure: row.isAuthenticated ? AUTHENTICATED : null,
    transaction_link_id: null,
    wallet: null,
  }
}

const AUTHENTICATED: Stripe.Charge.PaymentMethodDetails.Card.ThreeDSecure = {
  authentication_flow: 'challenge',
  electronic_commerce_indicator: '05',
  exemption_indicator: null,
  result: 'authenticated',
  result_reason: null,
  transaction_id: null,
  version: '2.2.0',
}
