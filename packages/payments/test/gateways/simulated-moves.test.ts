import { expect, test } from 'vitest'
import { createSimulatedGateway, type ChargeRequest, type MovementRequest } from '../../src/index.ts'

const { signal } = new AbortController()

function rig(given: Partial<ChargeRequest> = {}, options: Parameters<typeof createSimulatedGateway>[0] = {}) {
  const gateway = createSimulatedGateway({ delayMs: 0, ...options })
  const key = 'titan_pay_1_1'
  const about = { kind: 'charge', paymentId: 'pay_1', gatewayKey: key } as const
  const move = (kind: MovementRequest['kind'], amount: number, gatewayKey = `titan_${kind}_1`) =>
    gateway.move?.(
      {
        kind,
        movementId: `${kind}_1`,
        paymentId: 'pay_1',
        attemptNo: 1,
        gatewayKey,
        amount,
        currency: 'USD',
        chargeKey: key,
        chargeRef: 'sim_1',
      },
      { signal },
    )
  return {
    gateway,
    move,
    charge: () =>
      gateway.charge(
        { paymentId: 'pay_1', attemptNo: 1, gatewayKey: key, amount: 500, currency: 'USD', ...given },
        { signal },
      ),
    lookup: (gatewayKey = key) => gateway.lookup?.({ ...about, gatewayKey }, { signal }),
    abandon: () => gateway.abandon?.(about, { signal }),
    answer: (how: 'succeed' | 'decline') => gateway.answer(key, how),
  }
}

test('refunds add up to what was charged at most, and each key refunds once', async () => {
  const { charge, move, gateway } = rig()
  await charge()
  const first = await move('refund', 300, 'r1')
  expect(first).toMatchObject({ type: 'SUCCEEDED', amount: 300 })
  expect(await move('refund', 300, 'r1')).toEqual(first)
  expect(await move('refund', 300, 'r2')).toMatchObject({ type: 'DECLINED', code: 'refund_exceeds_charge' })
  expect(await move('refund', 200, 'r3')).toMatchObject({ type: 'SUCCEEDED' })
  expect(gateway.refunds.map(({ amount }) => amount)).toEqual([300, 200])
  expect(await move('refund', 1, 'r1')).toMatchObject({ type: 'UNKNOWN' })
  expect(gateway.mismatches).toBe(1)
})

test('an authorization moves no money until it is captured, once', async () => {
  const { charge, move, lookup, gateway } = rig({ capture: 'manual' })
  expect(await charge()).toMatchObject({ type: 'AUTHORIZED', amount: 500, expiresAt: expect.any(Date) })
  expect(gateway.ledger).toEqual([])
  expect(await move('refund', 1)).toMatchObject({ type: 'DECLINED', code: 'charge_not_captured' })
  expect(await move('capture', 501, 'c1')).toMatchObject({ code: 'capture_exceeds_authorization' })
  expect(await move('capture', 200, 'c2')).toMatchObject({ type: 'SUCCEEDED', amount: 200 })
  expect(await move('capture', 200, 'c3')).toMatchObject({ type: 'DECLINED', code: 'charge_is_charged' })
  expect(await move('void', 500)).toMatchObject({ type: 'DECLINED', code: 'charge_is_charged' })
  expect(gateway.ledger.map(({ amount }) => amount)).toEqual([200])
  expect(await lookup()).toMatchObject({ outcome: { type: 'SUCCEEDED', amount: 200 } })
  expect(await charge()).toMatchObject({ type: 'AUTHORIZED' })
})

test.each(['void', 'abandon'] as const)('after a %s nothing can be captured', async (how) => {
  const { charge, move, abandon, gateway } = rig({ capture: 'manual' })
  await charge()
  await (how === 'void' ? move('void', 500) : abandon())
  expect(await move('capture', 500)).toMatchObject({ type: 'DECLINED', code: 'charge_is_canceled' })
  expect(gateway.ledger).toEqual([])
})

test('a customer who is present is asked, and one who is not is declined', async () => {
  const asking = { paymentMethod: 'pm_card_threeDSecure2Required' }
  expect(await rig(asking).charge()).toMatchObject({ type: 'DECLINED', code: 'authentication_required' })
  const present = rig({ ...asking, customerPresent: true })
  expect(await present.charge()).toMatchObject({
    type: 'REQUIRES_ACTION',
    nextAction: {
      type: 'redirect',
      url: expect.stringMatching(/^https:\/\/simulated\.invalid\//) as unknown,
    },
  })
  expect(await present.lookup()).toMatchObject({ outcome: { type: 'REQUIRES_ACTION' } })
  expect(present.answer('succeed')).toBe(true)
  expect(present.answer('succeed')).toBe(false)
  expect(await present.lookup()).toMatchObject({ outcome: { type: 'SUCCEEDED' } })
  // Too late to cancel.
  expect(await present.abandon()).toMatchObject({ outcome: { type: 'SUCCEEDED' } })
  expect(present.gateway.ledger).toHaveLength(1)

  const manual = rig({ ...asking, customerPresent: true, capture: 'manual' })
  await manual.charge()
  manual.answer('succeed')
  expect(await manual.lookup()).toMatchObject({ outcome: { type: 'AUTHORIZED' } })

  const refused = rig({ ...asking, customerPresent: true })
  await refused.charge()
  refused.answer('decline')
  expect(await refused.lookup()).toMatchObject({ outcome: { type: 'DECLINED', code: 'canceled' } })
})

test('a refund may be decided later', async () => {
  for (const how of ['succeed', 'decline'] as const) {
    const { charge, move, lookup, gateway } = rig({}, { moveScript: () => 'undecided' })
    await charge()
    expect(await move('refund', 500, 'r1')).toMatchObject({ type: 'PENDING' })
    expect(await lookup('r1')).toMatchObject({ outcome: { type: 'PENDING' } })
    expect(gateway.refunds).toEqual([])
    expect(gateway.answer('r1', how)).toBe(true)
    expect(gateway.answer('r1', how)).toBe(false)
    const type = how === 'succeed' ? 'SUCCEEDED' : 'DECLINED'
    expect(await lookup('r1')).toMatchObject({ outcome: { type } })
    expect(gateway.refunds).toHaveLength(how === 'succeed' ? 1 : 0)
  }
})

test('a lost answer is found under its key, and repeated', async () => {
  const { charge, move, lookup, gateway } = rig({}, { moveScript: () => 'unknown_after_charge' })
  await charge()
  expect(await move('refund', 500, 'r1')).toMatchObject({ type: 'UNKNOWN' })
  expect(await lookup('r1')).toMatchObject({ outcome: { type: 'SUCCEEDED' } })
  expect(await move('refund', 500, 'r1')).toMatchObject({ type: 'SUCCEEDED' })
  expect(gateway.refunds).toHaveLength(1)
})

test('the rates of a gateway lose requests of every kind, and decline charges alone', async () => {
  const { move } = rig({}, { successRate: 0, declineRate: 1 })
  expect(await move('refund', 500)).toMatchObject({ type: 'SUCCEEDED' })
  const away = rig({}, { transientRate: 1 })
  expect(await away.move('refund', 500)).toMatchObject({ type: 'NOT_SENT' })
})
