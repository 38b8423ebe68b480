import { signatureHeader } from '@titan/gateway-simulator'
import { expect, onTestFinished, test, vi } from 'vitest'
import { decide } from '../../src/domain/decision.ts'
import { DEFAULT_RETRY_POLICY, resolveRetryPolicy } from '../../src/domain/retry-policy.ts'
import { attemptOf, charge, stripeAt } from '../support/simulator.ts'
import { claimOf } from '../support/claims.ts'
import { FULL_REQUEST, intentOf, movementOf, serveStripe } from '../support/stripe-fake.ts'

const signal = new AbortController().signal
const SECRET_KEY = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'
const CLIENT_SECRET = 'pi_1_secret_Dm43xiq1k0ywrRRjDoi8y1gkM'
const OTHER_METHOD = 'pm_1MqLiJLkdIwHu7ixUEgbFdYF'
const REASON = 'Ann lost the tickets'

/** Secrets, whoever says them, and what a charge and a refund say. */
const SECRETS = [SECRET_KEY, CLIENT_SECRET, OTHER_METHOD, 'pm_1Nv0FGQ9RKHgCVdK', 'cus_NffrFeUfNV2Hib']
const CHARGE_TEXTS = ['order 4711', 'Two tickets for Ann', 'TICKETS 4711', 'row 12']

interface Case {
  readonly status: number
  readonly type: string
}

const CASES: readonly Case[] = [400, 401, 402, 403, 404, 409, 429, 500].flatMap((status) =>
  ['invalid_request_error', 'card_error', 'idempotency_error', 'api_error'].map((type) => ({ status, type })),
)

function expectNone(texts: readonly string[], value: unknown): void {
  const text = JSON.stringify(value)
  for (const secret of texts) expect(text).not.toContain(secret)
}

test.each(CASES)('$status $type repeats nothing private of what it was told', async ({ status, type }) => {
  const told = [...SECRETS, ...CHARGE_TEXTS, REASON]
  const message = `No such thing: ${told.join("', '")}`
  const param = `metadata[${CHARGE_TEXTS[0]}]`
  const body = { error: { type, message, param, payment_method: OTHER_METHOD } }
  const { url } = await serveStripe(() => ({ status, body }))
  const gateway = stripeAt(url, { secretKey: SECRET_KEY })
  expectNone([...SECRETS, ...CHARGE_TEXTS], await charge(gateway, attemptOf('pay_1', FULL_REQUEST)))
  const refund = movementOf('refund', { reason: REASON })
  expectNone([...SECRETS, REASON], await gateway.move?.(refund, { signal }))
  const { gatewayKey } = attemptOf('pay_1')
  const request = { kind: 'charge', paymentId: 'pay_1', gatewayKey, gatewayRef: 'pi_1' } as const
  expectNone(SECRETS, await gateway.lookup?.(request, { signal }))
  expectNone(SECRETS, await gateway.abandon?.(request, { signal }))
})

test('a client secret is in the next action, and nowhere in what is stored as evidence', async () => {
  const intent = intentOf({
    status: 'requires_action',
    next_action: { type: 'use_stripe_sdk' },
    client_secret: CLIENT_SECRET,
  })
  const { url } = await serveStripe(() => ({ body: intent }))
  const outcome = await charge(stripeAt(url), attemptOf('pay_1', { customerPresent: true }))
  expect(outcome).toMatchObject({ nextAction: { type: 'sdk', clientSecret: CLIENT_SECRET } })
  const context = { policy: resolveRetryPolicy(DEFAULT_RETRY_POLICY), actor: 'worker', random: () => 0 }
  expectNone(SECRETS, decide(claimOf({ gateway: 'stripe' }), outcome, context).evidence)
})

test('a webhook that is refused repeats nothing of its body', () => {
  const { parseWebhook } = stripeAt('http://127.0.0.1:1', { webhookSecret: 'whsec_titan' })
  const body = `{"id": 5, "client_secret": "${CLIENT_SECRET}"`
  expectNone(SECRETS, parseWebhook?.(body, signatureHeader(body, 'whsec_titan', Date.now())))
  expectNone(SECRETS, parseWebhook?.(body, 'nonsense'))
})

test('a notice of Stripe’s is not printed among the lines of the log', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  onTestFinished(() => warn.mockRestore())
  const headers = { 'stripe-notice': 'Your integration could be better.' }
  const { url } = await serveStripe(() => ({ body: intentOf({ status: 'processing' }), headers }))
  expect(await charge(stripeAt(url), attemptOf('pay_1'))).toMatchObject({ type: 'PENDING' })
  expect(warn).not.toHaveBeenCalled()
})
