import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  startGatewaySimulator,
  type GatewaySimulator,
  type GatewaySimulatorOptions,
} from '@titan/gateway-simulator'
import { onTestFinished } from 'vitest'
import { createStripeGateway, type ChargeOutcome, type ChargeRequest, type Gateway } from '../../src/index.ts'
import type { StripeGatewayOptions } from '../../src/gateways/stripe/gateway.ts'

/** A gateway simulator that ends with the test. */
export async function startSimulator(
  options: Partial<GatewaySimulatorOptions> = {},
): Promise<GatewaySimulator> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-simulator-'))
  const simulator = await startGatewaySimulator({ ledgerPath: join(folder, 'ledger.jsonl'), ...options })
  onTestFinished(async () => {
    await simulator.close()
    await rm(folder, { recursive: true, force: true })
  })
  return simulator
}

/** The stripe gateway against a simulator. */
export function stripeAt(baseUrl: string, options: Partial<StripeGatewayOptions> = {}): Gateway {
  const gateway = createStripeGateway({
    secretKey: 'sk_test_titan',
    paymentMethod: 'pm_card_visa',
    baseUrl,
    timeoutMs: 5_000,
    ...options,
  })
  onTestFinished(() => gateway.close?.())
  return gateway
}

/** The first attempt of a payment. */
export function attemptOf(paymentId: string, given: Partial<ChargeRequest> = {}): ChargeRequest {
  const attemptNo = given.attemptNo ?? 1
  const gatewayKey = `titan_${paymentId}_${attemptNo}`
  return { paymentId, attemptNo, gatewayKey, amount: 500, currency: 'USD', ...given }
}

/** Charges and waits for as long as it takes. */
export function charge(gateway: Gateway, request: ChargeRequest): Promise<ChargeOutcome> {
  return gateway.charge(request, { signal: new AbortController().signal })
}
