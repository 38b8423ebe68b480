import { readLedger } from '@titan/gateway-simulator'
import { expect, test } from 'vitest'
import { listAll } from '../support/records.ts'
import { attemptOf, charge, startSimulator, stripeAt } from '../support/simulator.ts'
import { movementOf } from '../support/stripe-fake.ts'

const { signal } = new AbortController()

test('lists every charge once over the pages of Stripe, in the span of its second', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator.url)
  const ids = Array.from({ length: 205 }, (_, index) => `pay_${index}`)
  await Promise.all(ids.map((id) => charge(stripe, attemptOf(id))))
  const records = await listAll(stripe)
  expect(records).toHaveLength(ids.length)
  expect(new Set(records.map(({ gatewayKey }) => gatewayKey))).toEqual(
    new Set(ids.map((id) => `titan_${id}_1`)),
  )
  const times = [...new Set(records.map(({ at }) => at.getTime()))].toSorted((a, b) => a - b)
  // Each record is in one window, wherever between two milliseconds the windows meet.
  const edges = [0, ...times.map((time) => time + 250), Date.now() + 60_000]
  const windows = edges.slice(1).map((until, index) => [edges[index] ?? 0, until] as const)
  let found = 0
  for (const [since, until] of windows)
    found += (await listAll(stripe, { since: new Date(since), until: new Date(until) })).length
  expect(found).toBe(ids.length)
})

test('lists what became of charges, refunds and disputes, in our units', async () => {
  const simulator = await startSimulator()
  const stripe = stripeAt(simulator.url)
  await charge(stripe, attemptOf('pay_ok', { amount: 700, currency: 'ISK' }))
  await charge(stripe, attemptOf('pay_auth', { capture: 'manual' }))
  await charge(stripe, attemptOf('pay_no', { paymentMethod: 'pm_card_visa_chargeDeclined' }))
  const [ok, auth] = (await readLedger(simulator.ledgerPath)).intents
  const move = { paymentId: 'pay_ok', chargeKey: 'titan_pay_ok_1', chargeRef: ok?.id ?? '', currency: 'ISK' }
  await stripe.move?.(movementOf('refund', move), { signal })
  const held = { paymentId: 'pay_auth', chargeKey: 'titan_pay_auth_1', chargeRef: auth?.id ?? '' }
  await stripe.move?.(movementOf('void', held), { signal })
  await simulator.dispute({ payment: 'pay_ok', status: 'lost' })
  const records = await listAll(stripe)
  const shown = records.map(({ kind, status, amount, currency }) => `${kind} ${status} ${amount} ${currency}`)
  expect(new Set(shown)).toEqual(
    new Set([
      'charge canceled 500 USD',
      'charge failed 500 USD',
      'charge succeeded 700 ISK',
      'dispute lost 700 ISK',
      'refund succeeded 200 ISK',
    ]),
  )
  const dispute = records.find(({ kind }) => kind === 'dispute')
  expect(dispute).toMatchObject({ chargeRef: ok?.id, reason: 'fraudulent', respondBy: expect.any(Date) })
})

test('a list that cannot be read is an error, never an empty one', async () => {
  const simulator = await startSimulator()
  await simulator.order({ on: 'inquiry', behaviours: ['503'], times: null })
  await expect(listAll(stripeAt(simulator.url))).rejects.toThrow()
})
