import { createMigratedDatabase } from '@titan/testkit/vitest'
import { describe, expect, test } from 'vitest'
import {
  applyOutcome,
  createPaymentStore,
  createSimulatedGateway,
  gatewaysOf,
  replaceRoutes,
  type ChargeOutcome,
  type CircuitStatus,
  type Gateway,
  type SimulatedGateway,
} from '../src/index.ts'
import { expirePayments } from '../src/flow/expiry.ts'
import { createPay } from './support/pay.ts'
import { makeDue, newKey, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

const UNSENT: ChargeOutcome = { type: 'NOT_SENT', reason: 'ECONNREFUSED' }
const HONOR: ChargeOutcome = { type: 'DECLINED', code: 'do_not_honor', kind: 'soft' }

/** A gateway whose first answers are given, and that charges from then on; both have a ledger. */
function answering(name: string, ...answers: (ChargeOutcome | undefined)[]): SimulatedGateway {
  const gateway = createSimulatedGateway({ name, delayMs: 0 })
  return {
    ...gateway,
    charge: async (request, options) => answers.shift() ?? gateway.charge(request, options),
  }
}

/** Runs the jobs of a payment until none is due at once; answers its attempts. */
async function settle(id: string, gateways: readonly Gateway[], most = 20) {
  for (let job = 0; job < most; job++) {
    await makeDue(sql, id)
    const error = await pay(id, { gateways: gatewaysOf(gateways) })
    if ((await read(store, id)).status !== 'QUEUED') break
    expect(error).toMatchObject({ name: 'RetryError', countsAsAttempt: false })
  }
  const attempts = await store.attempts(id)
  return attempts.map(({ gateway, outcome }) => `${gateway} ${outcome}`)
}

async function create(request: Partial<Parameters<typeof store.create>[0]> = {}): Promise<string> {
  const answer = await store.create({ amount: 500, idempotencyKey: newKey(), ...request })
  if (answer.kind !== 'created') throw new Error(`a new key was answered ${answer.kind}`)
  return answer.payment.id
}

test.each([
  ['a request that was not sent', UNSENT, 'NOT_SENT'],
  ['a decline', HONOR, 'DECLINED'],
])('the next gateway charges after %s', async (_name, outcome, closed) => {
  const [first, second] = [answering('first', outcome), answering('second')]
  const id = await create()
  expect(await settle(id, [first, second])).toEqual([`first ${closed}`, 'second SUCCEEDED'])
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gateway: 'second', retries: 0 })
  expect([first.ledger.length, second.ledger.length]).toEqual([0, 1])
  const retrying = (await store.events(id)).find(({ type }) => type === 'payment.retrying')
  expect(retrying?.evidence).toMatchObject({ next_gateway: 'second', is_new_round: false })
})

test('a lost answer, and the decline that comes to light for it, stay at the gateway', async () => {
  const first = answering('first', { type: 'UNKNOWN', reason: 'ECONNRESET' }, HONOR)
  const second = answering('second')
  const id = await create()
  await settle(id, [first, second])
  expect(await settle(id, [first, second])).toEqual(['first DECLINED'])
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'do_not_honor' })
  expect(second.requests).toHaveLength(0)
})

test('a gateway that declined is not asked again after another one could not be reached', async () => {
  const [first, second] = [answering('first', HONOR), answering('second', UNSENT)]
  expect(await settle(await create(), [first, second])).toEqual(['first DECLINED', 'second SUCCEEDED'])
  expect(first.ledger).toEqual([])
})

test('no gateway is shortened: each has every retry, and the payment ends after the last one', async () => {
  const down = (name: string) => answering(name, ...Array.from({ length: 99 }, () => UNSENT))
  const id = await create()
  const attempts = await settle(id, [down('first'), down('second')])
  expect(attempts.filter((text) => text === 'first NOT_SENT')).toHaveLength(6)
  expect(attempts.filter((text) => text === 'second NOT_SENT')).toHaveLength(6)
  expect(await read(store, id)).toMatchObject({
    status: 'FAILED',
    failureCode: 'gateway_unreachable',
    retries: 5,
  })
})

test('a token is sent to its own gateway only', async () => {
  const [first, second] = [answering('first', UNSENT), answering('second')]
  const plain = await create({ paymentMethod: 'tok_1' })
  expect(await settle(plain, [first, second])).toEqual(['first SUCCEEDED'])
  const named = await create({ paymentMethod: { second: 'tok_2' } })
  expect(await settle(named, [first, second])).toEqual(['second SUCCEEDED'])
  expect(second.requests).toMatchObject([{ paymentId: named, paymentMethod: 'tok_2' }])
  const foreign = await create({ paymentMethod: { other: 'tok_3' } })
  await settle(foreign, [first, second])
  expect(await read(store, foreign)).toMatchObject({
    status: 'FAILED',
    failureCode: 'payment_method_required',
  })
  expect([first.requests.length, second.requests.length]).toEqual([1, 1])
})

test('rules are data: each payment goes where the first one that matches says', async () => {
  const [first, second] = [answering('first'), answering('second')]
  try {
    await replaceRoutes(sql, [{ minAmount: 1_000, gateways: ['second', 'first'], declines: [] }])
    expect(await store.routes()).toEqual([{ minAmount: 1_000, gateways: ['second', 'first'], declines: [] }])
    expect(await settle(await create({ amount: 1_000 }), [first, second])).toEqual(['second SUCCEEDED'])
    expect(await settle(await create({ amount: 999 }), [first, second])).toEqual(['first SUCCEEDED'])
  } finally {
    await replaceRoutes(sql, [])
  }
  expect(await store.routes()).toEqual([])
})

test('while the circuit of a gateway is open, payments begin at the next one, and what waits there unsent goes on', async () => {
  const state: { circuit: CircuitStatus } = { circuit: 'open' }
  const closed = answering('second')
  const withCircuit = (gateway: Gateway): Gateway =>
    Object.defineProperty({ ...gateway }, 'circuit', { get: () => state.circuit })
  const first = withCircuit(answering('first', UNSENT, UNSENT))
  const id = await create()
  expect(await settle(id, [first, closed])).toEqual(['second SUCCEEDED'])
  // It stays at the first one while the second is down.
  const other = await create()
  const second = withCircuit(answering('second'))
  await pay(other, { gateways: gatewaysOf([answering('first', UNSENT), second]) })
  expect(await read(store, other)).toMatchObject({ status: 'QUEUED', attemptOpen: true, retries: 1 })
  expect(await settle(other, [first, closed])).toEqual(['first NOT_SENT', 'second SUCCEEDED'])
  // What waits unsent at a gateway that is down by now is not sent there.
  const waiting = await create()
  await pay(waiting, { gateways: gatewaysOf([answering('first', UNSENT), second]) })
  const down = answering('first')
  expect(await settle(waiting, [withCircuit(down), closed])).toEqual(['first NOT_SENT', 'second SUCCEEDED'])
  expect(down.requests).toEqual([])
})

test('what waits for a next gateway that is down, or gone, ends when its time is over', async () => {
  const id = await create({ expiresAt: new Date(Date.now() + 60_000) })
  await pay(id, { gateways: gatewaysOf([answering('first', UNSENT), answering('second')]) })
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', gateway: 'first', attemptOpen: false })
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`update payments set expires_at = clock_timestamp() where id = ${id}`
  })
  await makeDue(sql, id)
  expect(await expirePayments({ store, limit: 100, actor: 'test', onEvent: () => {} })).toBe(1)
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'expired' })
})

test.each([
  ['its outcome is unknown', { type: 'UNKNOWN', reason: 'ECONNRESET' } as const, 0],
  ['it was taken over', UNSENT, 1],
])('a payment is not claimed to leave a gateway that is down when %s', async (_name, outcome, takeovers) => {
  const id = await create()
  await pay(id, { gateways: gatewaysOf([answering('first', outcome)]) })
  await sql`update payments set takeovers = ${takeovers} where id = ${id}`
  await makeDue(sql, id)
  const [down, second] = [{ ...answering('first'), circuit: 'open' as const }, answering('second')]
  expect(await pay(id, { gateways: gatewaysOf([down, second]) })).toMatchObject({ name: 'RetryError' })
  expect(await read(store, id)).toMatchObject({ fence: 1, attemptNo: 1, gateway: 'first' })
})

describe('a charge that comes to light at the first gateway', () => {
  async function failedOver() {
    const id = await create()
    const first = answering('first', HONOR)
    await pay(id, { gateways: gatewaysOf([first, answering('second')]) })
    const outcome: ChargeOutcome = {
      type: 'SUCCEEDED',
      gatewayRef: `ch_late_${id}`,
      amount: 500,
      currency: 'USD',
    }
    return { id, report: { paymentId: id, attemptNo: 1, gateway: 'first', outcome, actor: 'webhook:first' } }
  }

  test('after the second one charged is a duplicate, also under the same id', async () => {
    const { id, report } = await failedOver()
    await settle(id, [answering('first'), answering('second')])
    const { gatewayRef } = await read(store, id)
    for (const ref of [`ch_late_${id}`, gatewayRef ?? '']) {
      const outcome = { ...report.outcome, gatewayRef: ref } as ChargeOutcome
      expect(await applyOutcome({ ...report, outcome }, { store })).toBe('contradiction')
    }
    const own = { ...report, attemptNo: 2, gateway: 'second', outcome: { ...report.outcome, gatewayRef } }
    expect(await applyOutcome(own as typeof report, { store })).toBe('ignored')
    expect(await store.breaks(id)).toMatchObject([
      { kind: 'duplicate_charge', gateway: 'first', reference: `ch_late_${id}` },
      { kind: 'duplicate_charge', gateway: 'first', reference: gatewayRef },
    ])
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gateway: 'second', openCharges: 2 })
  })

  test('before the second one was asked lets no attempt follow', async () => {
    const { id, report } = await failedOver()
    expect(await applyOutcome(report, { store })).toBe('contradiction')
    const second = answering('second')
    await pay(id, { gateways: gatewaysOf([answering('first'), second]) })
    expect(second.requests).toEqual([])
    expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true, attemptNo: 1 })
  })

  test('can be accepted, and is then refunded where it is', async () => {
    const { id, report } = await failedOver()
    const second: Gateway = {
      ...answering('second'),
      async charge() {
        await applyOutcome(report, { store })
        return { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }
      },
    }
    await settle(id, [answering('first'), second])
    const accepted = { to: 'SUCCESS', gatewayRef: `ch_late_${id}`, operator: 'ann', note: 'seen' } as const
    expect(await store.decideReview(id, accepted)).toBe('decided')
    expect(await read(store, id)).toMatchObject({
      status: 'SUCCESS',
      gateway: 'first',
      gatewayRef: `ch_late_${id}`,
    })
    const refund = await store.createMovement({ kind: 'refund', paymentId: id, idempotencyKey: newKey() })
    if (refund.kind !== 'created') throw new Error(refund.kind)
    expect(await store.get(refund.movement.id)).toMatchObject({ gateway: 'first' })
  })
})
