import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLedger, signatureHeader, startGatewaySimulator } from '@titan/gateway-simulator'
import { fromStripeAmount } from '@titan/payments'
import type { CheckedServer, GatewayCheck } from '../../src/index.ts'

const SECRET_KEY = 'sk_test_conformance51'
const WEBHOOK_SECRET = 'whsec_conformance51f0'

const check: GatewayCheck = {
  environment: (url) => ({
    STRIPE_SECRET_KEY: SECRET_KEY,
    STRIPE_API_BASE: url,
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
  }),
  secrets: ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'],
  samples: {
    succeeds: { amount: 1_999, currency: 'USD', paymentMethod: 'pm_card_visa' },
    declinedHard: { amount: 1_999, currency: 'USD', paymentMethod: 'pm_card_chargeDeclinedStolenCard' },
    declinedSoft: {
      amount: 1_999,
      currency: 'USD',
      paymentMethod: 'pm_card_chargeDeclinedInsufficientFunds',
    },
    asksCustomer: { amount: 1_999, currency: 'USD', paymentMethod: 'pm_card_threeDSecureRequired' },
  },
  start: startStripe,
}
export default check

async function startStripe(): Promise<CheckedServer> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-conformance-'))
  const simulator = await startGatewaySimulator({ ledgerPath: join(folder, 'ledger.jsonl') })
  return {
    url: simulator.url,
    async charges({ gatewayKey }) {
      const { charges } = await readLedger(simulator.ledgerPath)
      return charges
        .filter(({ key }) => key === gatewayKey)
        .map(({ amount, currency: given }) => {
          const currency = given.toUpperCase()
          return { amount: fromStripeAmount(amount, currency), currency }
        })
    },
    webhook({ paymentId, attemptNo, gatewayKey, amount, currency }, at) {
      const metadata = { payment_id: paymentId, attempt: String(attemptNo), gateway_key: gatewayKey }
      const intent = {
        id: 'pi_webhook',
        object: 'payment_intent',
        status: 'succeeded',
        capture_method: 'automatic',
        amount_received: amount,
        currency: currency.toLowerCase(),
        metadata,
      }
      const type = 'payment_intent.succeeded'
      const body = JSON.stringify({ id: `evt_${paymentId}`, object: 'event', type, data: { object: intent } })
      return { body, signature: signatureHeader(body, WEBHOOK_SECRET, at.getTime()) }
    },
    async close() {
      await simulator.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
