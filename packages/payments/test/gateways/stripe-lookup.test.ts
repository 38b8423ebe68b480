import { readLedger } from '@titan/gateway-simulator'
import { expect, test } from 'vitest'
import type { ChargeOutcome, Gateway, LookupAnswer } from '../../src/index.ts'
import { attemptOf, charge, startSimulator, stripeAt } from '../support/simulator.ts'

function lookup(gateway: Gateway, paymentId: string, gatewayRef?: string): Promise<LookupAnswer> {
  const { gatewayKey } = attemptOf(paymentId)
  const request = {
    kind: 'charge' as const,
    paymentId,
    gatewayKey,
    ...(gatewayRef !== undefined && { gatewayRef }),
  }
  if (gateway.lookup === undefined) throw new Error('the gateway answers no inquiries')
  return gateway.lookup(request, { signal: new AbortController().signal })
}

test.each<[string, Partial<ChargeOutcome> | undefined]>([
  ['ok', { type: 'SUCCEEDED', amount: 500, currency: 'USD' }],
  ['500_after', { type: 'SUCCEEDED', amount: 500, currency: 'USD' }],
  ['reset_after', { type: 'SUCCEEDED' }],
  ['wrong_amount', { type: 'SUCCEEDED', amount: 501 }],
  ['decline:insufficient_funds', { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' }],
  ['pending_then:ok@60000', { type: 'PENDING' }],
  ['late_success@60000', { type: 'PENDING' }],
  ['500_before', undefined],
  ['reset_before', undefined],
  ['429', undefined],
])('after %s an inquiry by our own key finds %o', async (behaviour, outcome) => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: [behaviour] })
  const gateway = stripeAt(simulator.url)
  await charge(gateway, attemptOf('pay_0'))
  await charge(gateway, attemptOf('pay_1'))
  expect(await lookup(gateway, 'pay_0')).toMatchObject(
    outcome === undefined ? { type: 'NOT_FOUND' } : { type: 'FOUND', outcome },
  )
})

test('the outcome of a pending charge is found when it is there', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['pending_then:decline:stolen_card@50'] })
  const gateway = stripeAt(simulator.url)
  await charge(gateway, attemptOf('pay_1'))
  await expect
    .poll(() => lookup(gateway, 'pay_1'))
    .toMatchObject({ type: 'FOUND', outcome: { type: 'DECLINED', code: 'stolen_card', kind: 'hard' } })
})

test('an id of the gateway is used when there is one, while the search still lags behind', async () => {
  const simulator = await startSimulator({ searchLagMs: 60_000 })
  const gateway = stripeAt(simulator.url)
  const outcome = await charge(gateway, attemptOf('pay_1'))
  const gatewayRef = outcome.type === 'SUCCEEDED' ? outcome.gatewayRef : ''
  expect(await lookup(gateway, 'pay_1')).toEqual({ type: 'NOT_FOUND' })
  expect(await lookup(gateway, 'pay_1', gatewayRef)).toMatchObject({ type: 'FOUND', outcome: { gatewayRef } })
})

test('an id of another charge does not mislead', async () => {
  const simulator = await startSimulator()
  const gateway = stripeAt(simulator.url)
  const other = await charge(gateway, attemptOf('pay_2'))
  const gatewayRef = other.type === 'SUCCEEDED' ? other.gatewayRef : ''
  expect(await lookup(gateway, 'pay_1', gatewayRef)).toEqual({ type: 'NOT_FOUND' })
})

test('money that moved counts more than a decline under the same key', async () => {
  const simulator = await startSimulator({ keyTtlMs: -1 })
  await simulator.order({ behaviours: ['ok', 'decline:hard'] })
  const gateway = stripeAt(simulator.url)
  await charge(gateway, attemptOf('pay_1'))
  await charge(gateway, attemptOf('pay_1'))
  expect(await lookup(gateway, 'pay_1')).toMatchObject({ type: 'FOUND', outcome: { type: 'SUCCEEDED' } })
})

test.each(['503', '500_before', 'error_200', 'html', 'garbage', '401', '429', 'reset_before'])(
  'an inquiry that is answered with %s has asked nothing',
  async (behaviour) => {
    const simulator = await startSimulator()
    const gateway = stripeAt(simulator.url)
    await charge(gateway, attemptOf('pay_1'))
    await simulator.order({ behaviours: [behaviour], on: 'inquiry' })
    expect(await lookup(gateway, 'pay_1')).toMatchObject({ type: 'FAILED_TO_ASK' })
    expect((await readLedger(simulator.ledgerPath)).requests).toHaveLength(2)
  },
)
