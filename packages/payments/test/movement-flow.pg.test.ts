import { describe, expect, test } from 'vitest'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import {
  applyMovement,
  applyOutcome,
  createPaymentStore,
  createSimulatedGateway,
  lookUpAttempt,
  type Gateway,
  type Movement,
  type SimulatedBehaviour,
} from '../src/index.ts'
import { askedPayment } from './support/asked.ts'
import { fold } from './support/history.ts'
import { createMovement, sumsOf } from './support/movements.ts'
import { createPay } from './support/pay.ts'
import { claim, createPayment, expireLease, makeDue, read } from './support/payments.ts'
import { settlementOf } from './support/settlements.ts'
import { only } from './support/only.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

/** A charge at a gateway whose next movements go as it is told. */
async function charged(capture: 'automatic' | 'manual' = 'automatic') {
  let behaviour: SimulatedBehaviour = 'succeed'
  const gateway = createSimulatedGateway({ delayMs: 0, moveScript: () => behaviour })
  const id = capture === 'manual' ? await askedPayment(sql, { capture }) : (await createPayment(store)).id
  await pay(id, { gateway })
  const move = (kind: Movement['kind']) => createMovement(store, { kind, paymentId: id })
  return { id, gateway, move, behave: (next: SimulatedBehaviour) => (behaviour = next) }
}

const KINDS = [
  ['refund', 'automatic'],
  ['capture', 'manual'],
  ['void', 'manual'],
] as const

/** How often money moved, or a reservation was released, at the gateway for each kind. */
function effectsOf(
  kind: Movement['kind'],
  { ledger, refunds, moves }: Awaited<ReturnType<typeof charged>>['gateway'],
) {
  if (kind === 'refund') return refunds.length
  return kind === 'capture' ? ledger.length : new Set(moves.map(({ gatewayKey }) => gatewayKey)).size
}

describe.each(KINDS)('a %s', (kind, capture) => {
  test('whose worker dies between the answer and its result is repeated under the same key', async () => {
    const world = await charged(capture)
    const { id } = await world.move(kind)
    const dying = {
      ...store,
      settle: () => Promise.reject(Object.assign(new Error('killed'), { code: '57P01' })),
    }
    await createPay(dying)(id, { gateway: world.gateway })
    expect(await store.movement(id)).toMatchObject({ status: 'PROCESSING' })
    await expireLease(sql, id)
    await makeDue(sql, id)
    await pay(id, { gateway: world.gateway })
    expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS', attemptNo: 1 })
    expect(world.gateway.moves.map(({ gatewayKey }) => gatewayKey)).toEqual([
      `titan_${id}_1`,
      `titan_${id}_1`,
    ])
    expect(effectsOf(kind, world.gateway)).toBe(1)
    expect(world.gateway.mismatches).toBe(0)
    expect(fold(await store.events(id))).toEqual({ ok: true, status: 'SUCCESS' })
  })

  test('whose answer is lost is not FAILED, and found under its key', async () => {
    const world = await charged(capture)
    const { id } = await world.move(kind)
    world.behave('unknown_after_charge')
    await pay(id, { gateway: world.gateway })
    expect(await store.movement(id)).toMatchObject({ status: 'PROCESSING', unknownSince: expect.any(Date) })
    await makeDue(sql, id)
    await pay(id, { gateway: world.gateway })
    expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS' })
    expect(effectsOf(kind, world.gateway)).toBe(1)
  })

  test('that two workers take at once is sent by one of them', async () => {
    const world = await charged(capture)
    const { id } = await world.move(kind)
    const run = (worker: string) => pay(id, { gateway: world.gateway, worker })
    await Promise.all([run('w1'), run('w2'), run('w3')])
    expect(world.gateway.moves).toHaveLength(1)
    expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS' })
    expect(await read(store, id)).toMatchObject({ fence: 1 })
  })

  test('fails at a gateway that has none of it, without being sent', async () => {
    const world = await charged(capture)
    const { id } = await world.move(kind)
    const gateway: Gateway = { ...world.gateway, move: undefined }
    await pay(id, { gateway })
    expect(await store.movement(id)).toMatchObject({ status: 'FAILED', failureCode: 'unsupported' })
    expect(world.gateway.moves).toEqual([])
  })

  test('is left alone by the workers of another gateway', async () => {
    const world = await charged(capture)
    const { id } = await world.move(kind)
    const other = createSimulatedGateway({ delayMs: 0, name: 'other' })
    expect(await pay(id, { gateway: other })).toMatchObject({ name: 'RetryError', countsAsAttempt: false })
    expect(other.moves).toEqual([])
    expect(await store.movement(id)).toMatchObject({ status: 'PENDING', attemptNo: 0 })
  })

  test('is settled by a report while its worker waits, and the late result changes nothing', async () => {
    const world = await charged(capture)
    const { id, amount, currency } = await world.move(kind)
    const held = await claim(store, id)
    const outcome = { type: 'SUCCEEDED', gatewayRef: `re_${id}`, amount, currency } as const
    const report = { paymentId: id, attemptNo: 1, gateway: 'simulated', actor: 'webhook', outcome }
    expect(await applyOutcome(report, { store })).toBe('settled')
    expect(await applyOutcome(report, { store })).toBe('ignored')
    expect(await store.settle(settlementOf(held, { type: 'UNKNOWN', reason: 'timeout' }))).toBe(false)
    expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS' })
  })
})

test('a refund that the gateway declines gives back what it reserved', async () => {
  const world = await charged()
  const { id } = await world.move('refund')
  expect(await sumsOf(sql, world.id)).toMatchObject({ reserved: 500 })
  world.behave('hard_decline')
  await pay(id, { gateway: world.gateway })
  expect(await store.movement(id)).toMatchObject({ status: 'FAILED', failureCode: 'refund_refused' })
  expect(await sumsOf(sql, world.id)).toMatchObject({ reserved: 0 })
})

test.each(['succeed', 'decline'] as const)(
  'a refund that is decided later waits for that: %s',
  async (answer) => {
    const world = await charged()
    const { id } = await world.move('refund')
    world.behave('undecided')
    expect(await pay(id, { gateway: world.gateway })).toBeUndefined()
    expect(await read(store, id)).toMatchObject({
      status: 'PROCESSING',
      waitsFor: 'gateway',
      waitsUntil: null,
    })
    for (let day = 0; day < 40; day++) {
      await makeDue(sql, id)
      await pay(id, { gateway: world.gateway })
    }
    expect(await read(store, id)).toMatchObject({ waitsFor: 'gateway', needsReview: false })
    expect(world.gateway.moves).toHaveLength(1)
    world.gateway.answer(`titan_${id}_1`, answer)
    await makeDue(sql, id)
    await pay(id, { gateway: world.gateway })
    expect(await store.movement(id)).toMatchObject({ status: answer === 'succeed' ? 'SUCCESS' : 'FAILED' })
    expect(await sumsOf(sql, world.id)).toMatchObject({ reserved: answer === 'succeed' ? 500 : 0 })
  },
)

test('a refund that fails after its success is on record once, and its amount free again', async () => {
  const world = await charged()
  const { id } = await world.move('refund')
  await pay(id, { gateway: world.gateway })
  const outcome = { type: 'DECLINED', code: 'account_closed', kind: 'hard' } as const
  const report = { paymentId: id, attemptNo: 1, gateway: 'simulated', actor: 'webhook', outcome }
  expect(await applyOutcome(report, { store })).toBe('contradiction')
  expect(await applyOutcome(report, { store })).toBe('ignored')
  expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS' })
  expect(await sumsOf(sql, world.id)).toMatchObject({ reserved: 0 })
})

test('a refund that was made at the gateway itself is a refund here, and its failure too', async () => {
  const { id } = await charged()
  const { gatewayRef: chargeRef } = await read(store, id)
  const outcome = { type: 'SUCCEEDED', gatewayRef: `re_${id}`, amount: 200, currency: 'USD' } as const
  const moved = {
    kind: 'refund',
    chargeRef: chargeRef ?? '',
    gatewayRef: `re_${id}`,
    amount: 200,
    currency: 'USD',
  } as const
  const report = { ...moved, gateway: 'simulated', actor: 'webhook' }
  expect(await applyMovement({ ...report, outcome: { type: 'PENDING' } }, store)).toBe('ignored')
  expect(await applyMovement({ ...report, outcome }, store)).toBe('settled')
  expect(await applyMovement({ ...report, outcome }, store)).toBe('ignored')
  expect(await store.movements(id)).toMatchObject([{ kind: 'refund', amount: 200, status: 'SUCCESS' }])
  const failed = { type: 'DECLINED', code: 'lost', kind: 'hard' } as const
  expect(await applyMovement({ ...report, outcome: failed }, store)).toBe('contradiction')
  expect(await sumsOf(sql, id)).toMatchObject({ reserved: 0 })
  expect(await applyMovement({ ...report, chargeRef: 'ch_of_none', outcome }, store)).toBe('unknown')
})

test('an operator looks up a parked refund by the charge that it is about', async () => {
  const world = await charged()
  const { id } = await world.move('refund')
  await store.settle(settlementOf(await claim(store, id), { type: 'UNRESOLVABLE', reason: 'given up' }))
  const asked: unknown[] = []
  const { gatewayRef: chargeRef } = await read(store, world.id)
  const outcome = { type: 'SUCCEEDED', gatewayRef: `re_${id}`, amount: 500, currency: 'USD' } as const
  const gateway: Pick<Gateway, 'name' | 'lookup'> = {
    name: 'simulated',
    lookup: async (request) => (asked.push(request), { type: 'FOUND', outcome }),
  }
  const effect = await lookUpAttempt(
    { paymentId: id, actor: 'operator:ann' },
    { store, gateways: only(gateway) },
  )
  expect(effect).toMatchObject({ effect: 'settled' })
  expect(asked).toMatchObject([{ kind: 'refund', gatewayKey: `titan_${id}_1`, chargeRef }])
  expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS', needsReview: false })
})

test('a capture that lost to one of another amount fails, and the payment takes that one over', async () => {
  const world = await charged('manual')
  const { id } = await world.move('capture')
  world.behave('wrong_amount')
  const partial: Gateway = {
    ...world.gateway,
    move: async (request, options) =>
      (await world.gateway.move?.({ ...request, amount: 299 }, options)) ?? { type: 'UNKNOWN', reason: '' },
  }
  await pay(id, { gateway: partial })
  expect(await store.movement(id)).toMatchObject({ status: 'FAILED', failureCode: 'already_captured' })
  expect(await store.breaks(id)).toEqual([])
  await makeDue(sql, world.id)
  await pay(world.id, { gateway: world.gateway })
  expect(await read(store, world.id)).toMatchObject({
    status: 'SUCCESS',
    amountCaptured: 300,
    openCharges: 0,
  })
})

test.each(['capture', 'void'] as const)(
  'a %s that fails lets its payment ask the gateway at once',
  async (kind) => {
    const world = await charged('manual')
    const isDue = async () =>
      (await sql`select from payments where id = ${world.id} and next_run_at <= clock_timestamp()`).length ===
      1
    expect(await isDue()).toBe(false)
    const { id } = await world.move(kind)
    world.behave('hard_decline')
    await pay(id, { gateway: world.gateway })
    expect(await store.movement(id)).toMatchObject({ status: 'FAILED' })
    expect(await isDue()).toBe(true)
    expect(await read(store, world.id)).toMatchObject({ status: 'PROCESSING', waitsFor: 'capture' })
  },
)

test('a void whose payment has FAILED meanwhile is asked of the gateway, not parked', async () => {
  const world = await charged('manual')
  const { id } = await world.move('void')
  const outcome = { type: 'DECLINED', code: 'expired_card', kind: 'hard' } as const
  const report = { paymentId: world.id, attemptNo: 1, gateway: 'simulated', actor: 'webhook', outcome }
  await sql`update payments set waits_for = null, waits_until = null where id = ${world.id}`
  expect(await applyOutcome(report, { store })).toBe('settled')
  expect(await read(store, world.id)).toMatchObject({ status: 'FAILED', gatewayRef: null })
  await pay(id, { gateway: world.gateway })
  expect(await store.movement(id)).toMatchObject({ status: 'SUCCESS', needsReview: false })
  expect(await store.breaks(world.id)).toEqual([])
})

test('an authorization that was captured in part before it was known is a success of that part', async () => {
  const id = await askedPayment(sql, { capture: 'manual' })
  const captured = { type: 'SUCCEEDED', gatewayRef: `pi_${id}`, amount: 300, currency: 'USD' } as const
  const gateway: Gateway = {
    ...createSimulatedGateway({ delayMs: 0 }),
    charge: async () => ({ type: 'UNKNOWN', reason: 'no answer' }),
    lookup: async () => ({ type: 'FOUND', outcome: captured }),
  }
  for (let run = 0; run < 3; run++) {
    await pay(id, { gateway })
    await makeDue(sql, id)
  }
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', amountCaptured: 300, openCharges: 0 })
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'SUCCESS' })
})
