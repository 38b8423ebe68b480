import { createSimulatedGateway, type Gateway } from '@titan/payments'
import type { GatewayCheck } from '../../src/index.ts'

/** The simulated gateway, as a module of an adapter. */
export default function createSimulated(): Gateway {
  return createSimulatedGateway({
    delayMs: 1,
    script: ({ paymentMethod }) => {
      if (paymentMethod === 'hard') return 'hard_decline'
      return paymentMethod === 'soft' ? 'soft_decline' : undefined
    },
  })
}

/** It needs no network. */
export const check: GatewayCheck = {
  environment: () => ({}),
  secrets: [],
  samples: {
    succeeds: { amount: 1_999, currency: 'USD', paymentMethod: 'any' },
    declinedHard: { amount: 1_999, currency: 'USD', paymentMethod: 'hard' },
    declinedSoft: { amount: 1_999, currency: 'USD', paymentMethod: 'soft' },
    asksCustomer: { amount: 1_999, currency: 'USD', paymentMethod: 'threeDSecure' },
  },
}
