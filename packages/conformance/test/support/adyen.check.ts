import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adyenNotification, readLedger, startGatewaySimulator } from '@titan/gateway-simulator'
import type { CheckedServer, GatewayCheck } from '../../src/index.ts'

const HMAC_KEY = 'DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00'
const merchantAccount = 'TitanTest'
const LOGIN = 'titan:conformance51'

const sample = (card: string) => ({
  amount: 1_999,
  currency: 'EUR',
  paymentMethod: card,
  customer: 'shopper_1',
})

const check: GatewayCheck = {
  environment: (url) => ({
    ADYEN_API_KEY: 'AQE_conformance51',
    ADYEN_MERCHANT_ACCOUNT: merchantAccount,
    ADYEN_API_BASE: url,
    ADYEN_HMAC_KEY: HMAC_KEY,
    ADYEN_WEBHOOK_LOGIN: LOGIN,
  }),
  secrets: ['ADYEN_API_KEY', 'ADYEN_HMAC_KEY', 'ADYEN_WEBHOOK_LOGIN'],
  // The simulator takes Stripe's test cards for tokens.
  samples: {
    succeeds: sample('pm_card_visa'),
    declinedHard: sample('pm_card_chargeDeclinedStolenCard'),
    declinedSoft: sample('pm_card_chargeDeclinedInsufficientFunds'),
    asksCustomer: { ...sample('pm_card_threeDSecureRequired'), returnUrl: 'https://shop.example/back' },
  },
  start: startAdyen,
}
export default check

async function startAdyen(): Promise<CheckedServer> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-conformance-'))
  const simulator = await startGatewaySimulator({ ledgerPath: join(folder, 'ledger.jsonl') })
  return {
    url: simulator.url,
    async charges({ gatewayKey }) {
      const { charges } = await readLedger(simulator.ledgerPath)
      return charges
        .filter(({ key }) => key === gatewayKey)
        .map(({ amount, currency }) => ({ amount, currency: currency.toUpperCase() }))
    },
    webhook({ gatewayKey, amount: value, currency }, at) {
      const item = {
        eventCode: 'AUTHORISATION',
        pspReference: 'WNS7WQ756L2GWR82',
        merchantReference: gatewayKey,
        amount: { value, currency },
        success: true,
      } as const
      const signing = { merchantAccount, hmacKey: HMAC_KEY, now: at.getTime() }
      const signature = `Basic ${Buffer.from(LOGIN).toString('base64')}`
      return { body: JSON.stringify(adyenNotification([item], signing)), signature }
    },
    async answerAction(nextAction) {
      const url = nextAction.type === 'redirect' ? nextAction.url : ''
      const answer = await fetch(url, { method: 'POST', body: 'result=complete', redirect: 'manual' })
      const { searchParams } = new URL(answer.headers.get('location') ?? '')
      return { redirectResult: searchParams.get('redirectResult') ?? '' }
    },
    async close() {
      await simulator.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
