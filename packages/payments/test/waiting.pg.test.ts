import { describe, expect, test } from 'vitest'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { movementOf } from '../src/flow/requests.ts'
import {
  applyOutcome,
  createPaymentStore,
  createSimulatedGateway,
  type ChargeOutcome,
  type Gateway,
  type MovementRequest,
} from '../src/index.ts'
import { askedPayment, ASKING, endWait } from './support/asked.ts'
import { fold } from './support/history.ts'
import { createMovement } from './support/movements.ts'
import { createPay } from './support/pay.ts'
import { claim, expireLease, makeDue, read } from './support/payments.ts'
import { settlementOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

async function typesOf(id: string): Promise<string[]> {
  return (await store.events(id)).map(({ type }) => type)
}

async function leaseOf(id: string) {
  return (await sql`select lease_owner, lease_until, unknown_since from payments where id = ${id}`)[0]
}

function report(paymentId: string, outcome: ChargeOutcome): ReturnType<typeof applyOutcome> {
  const about = { paymentId, attemptNo: 1, gateway: 'simulated', actor: 'webhook:simulated' }
  return applyOutcome({ ...about, outcome }, { store })
}

describe('an authorization', () => {
  async function authorized(gateway = createSimulatedGateway({ delayMs: 0 })) {
    const id = await askedPayment(sql, { capture: 'manual' })
    expect(await pay(id, { gateway })).toBeUndefined()
    return { id, gateway }
  }

  test('waits for its capture without lease or job', async () => {
    const { id, gateway } = await authorized()
    expect(await read(store, id)).toMatchObject({
      status: 'PROCESSING',
      attemptOpen: true,
      waitsFor: 'capture',
      waitsUntil: expect.any(Date),
      gatewayRef: expect.any(String),
    })
    expect(await leaseOf(id)).toEqual({ lease_owner: null, lease_until: null, unknown_since: null })
    expect((await typesOf(id)).at(-1)).toBe('payment.authorized')
    expect(gateway.ledger).toEqual([])
    expect(await store.attempts(id)).toMatchObject([{ outcome: null, gatewayRef: expect.any(String) }])
  })

  test('is captured in part, and cannot be charged twice', async () => {
    const { id, gateway } = await authorized()
    const { id: captureId } = await createMovement(store, { kind: 'capture', paymentId: id, amount: 200 })
    expect(await pay(captureId, { gateway })).toBeUndefined()
    expect(await store.movement(captureId)).toMatchObject({ status: 'SUCCESS', amount: 200 })
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', amountCaptured: 200, waitsFor: null })
    expect(gateway.ledger).toMatchObject([{ amount: 200 }])
    expect(gateway.requests).toHaveLength(1)
    for (const one of [id, captureId])
      expect(fold(await store.events(one))).toEqual({ ok: true, status: 'SUCCESS' })
  })

  test('is released by a void', async () => {
    const { id, gateway } = await authorized()
    const { id: voidId } = await createMovement(store, { kind: 'void', paymentId: id })
    await pay(voidId, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'voided', waitsFor: null })
    expect(gateway.ledger).toEqual([])
  })

  test('is left alone while a capture of it is under way', async () => {
    const { id, gateway } = await authorized()
    const { id: captureId } = await createMovement(store, { kind: 'capture', paymentId: id })
    await endWait(sql, id)
    expect(await pay(id, { gateway })).toBeUndefined()
    expect(await read(store, id)).toMatchObject({ waitsFor: 'capture', status: 'PROCESSING' })
    const { gatewayRef } = await read(store, id)
    const succeeded = {
      type: 'SUCCEEDED',
      gatewayRef: gatewayRef ?? '',
      amount: 500,
      currency: 'USD',
    } as const
    expect(await report(id, succeeded)).toBe('ignored')
    await pay(captureId, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', amountCaptured: 500 })
  })

  test('that was captured at the gateway itself is found by the poll', async () => {
    const { id, gateway } = await authorized()
    const { gatewayRef } = await read(store, id)
    await gateway.move?.(
      {
        kind: 'capture',
        movementId: 'cap_of_theirs',
        paymentId: id,
        attemptNo: 1,
        gatewayKey: 'their own',
        amount: 300,
        currency: 'USD',
        chargeKey: `titan_${id}_1`,
        chargeRef: gatewayRef ?? '',
      },
      { signal: new AbortController().signal },
    )
    await makeDue(sql, id)
    expect(await pay(id, { gateway })).toBeUndefined()
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', amountCaptured: 300, openCharges: 0 })
    expect(await store.movements(id)).toMatchObject([{ kind: 'capture', amount: 300, status: 'SUCCESS' }])
  })

  test('is left to a capture that began while it was asked about', async () => {
    const { id, gateway } = await authorized()
    await makeDue(sql, id)
    let captureId = ''
    const slow: Gateway = {
      ...gateway,
      async lookup(request, options) {
        captureId = (await createMovement(store, { kind: 'capture', paymentId: id, amount: 200 })).id
        const held = await claim(store, captureId)
        await gateway.move?.(movementOf(held, 'capture') as MovementRequest, options)
        return (await gateway.lookup?.(request, options)) ?? { type: 'NOT_FOUND' }
      },
    }
    expect(await pay(id, { gateway: slow })).toBeUndefined()
    expect(await read(store, id)).toMatchObject({ waitsFor: 'capture', needsReview: false, openCharges: 0 })
    await expireLease(sql, captureId)
    await makeDue(sql, captureId)
    await pay(captureId, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', amountCaptured: 200 })
    expect(gateway.ledger).toHaveLength(1)
  })

  test('that has expired is canceled at the gateway, then failed', async () => {
    const { id, gateway } = await authorized()
    await endWait(sql, id)
    expect(await pay(id, { gateway })).toBeUndefined()
    expect(await read(store, id)).toMatchObject({
      status: 'FAILED',
      failureCode: 'authorization_expired',
      failureKind: 'expired',
      waitsFor: null,
    })
    const about = { kind: 'charge', paymentId: id, gatewayKey: `titan_${id}_1` } as const
    const found = await gateway.lookup?.(about, { signal: new AbortController().signal })
    expect(found).toMatchObject({ outcome: { code: 'canceled' } })
  })

  test('that is reported counts only while nothing else may say so', async () => {
    const id = await askedPayment(sql, { capture: 'manual' })
    const held = await claim(store, id)
    const outcome = {
      type: 'AUTHORIZED',
      gatewayRef: `ch_${id}`,
      amount: 500,
      currency: 'USD',
      expiresAt: null,
    } as const
    expect(await report(id, outcome)).toBe('ignored')
    await store.settle(settlementOf(held, { type: 'UNKNOWN', reason: 'timeout' }))
    expect(await report(id, outcome)).toBe('settled')
    expect(await read(store, id)).toMatchObject({ waitsFor: 'capture', unknownSince: null })
    expect(await report(id, outcome)).toBe('ignored')
    expect((await typesOf(id)).filter((type) => type === 'payment.authorized')).toHaveLength(1)
  })
})

describe('a question to the customer', () => {
  async function asked(gateway = createSimulatedGateway({ delayMs: 0 })) {
    const id = await askedPayment(sql, ASKING)
    expect(await pay(id, { gateway })).toBeUndefined()
    return { id, gateway, key: `titan_${id}_1` }
  }

  test('shows what to do, until the setting says', async () => {
    const { id } = await asked()
    const payment = await read(store, id)
    expect(payment).toMatchObject({
      status: 'PROCESSING',
      waitsFor: 'customer',
      details: { nextAction: { type: 'redirect', url: expect.stringContaining('https://') as unknown } },
    })
    const waitMs = (payment.waitsUntil?.getTime() ?? 0) - payment.updatedAt.getTime()
    expect(Math.round(waitMs / 60_000)).toBe(60)
    expect(payment.nextRunAt.getTime()).toBeLessThan(payment.waitsUntil?.getTime() ?? 0)
    expect((await typesOf(id)).at(-1)).toBe('payment.requires_action')
  })

  test('that is answered ends in one charge', async () => {
    const { id, gateway, key } = await asked()
    await makeDue(sql, id)
    await pay(id, { gateway })
    expect((await typesOf(id)).at(-1)).toBe('payment.waiting')
    gateway.answer(key, 'succeed')
    await makeDue(sql, id)
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', waitsFor: null, waitsUntil: null })
    expect(gateway.ledger).toHaveLength(1)
    expect(gateway.requests).toHaveLength(1)
    expect(fold(await store.events(id))).toEqual({ ok: true, status: 'SUCCESS' })
  })

  test('that is answered at the moment of its cancellation counts as answered', async () => {
    const { id, gateway, key } = await asked()
    await endWait(sql, id)
    gateway.answer(key, 'succeed')
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  })

  test('that nobody answers expires, and can no longer be answered', async () => {
    const { id, gateway, key } = await asked()
    await endWait(sql, id)
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureCode: 'authentication_expired' })
    expect(gateway.answer(key, 'succeed')).toBe(false)
    expect(gateway.ledger).toEqual([])
  })

  test('whose decline is reported is canceled by a worker before it fails', async () => {
    const { id, gateway, key } = await asked()
    const declined = { type: 'DECLINED', code: 'authentication_failed', kind: 'hard' } as const
    expect(await report(id, declined)).toBe('ignored')
    const { nextRunAt, updatedAt, ...payment } = await read(store, id)
    expect(payment).toMatchObject({ status: 'PROCESSING', waitsFor: 'customer' })
    expect(nextRunAt.getTime()).toBeLessThanOrEqual(updatedAt.getTime())
    gateway.answer(key, 'decline')
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureKind: 'hard_decline' })
  })

  test('is kept for a payment that says nothing else, and follows the gateway', async () => {
    const id = await askedPayment(sql, { customerPresent: true })
    for (const url of ['https://bank.example/1', 'https://bank.example/2']) {
      const nextAction = { type: 'redirect', url } as const
      const question = { type: 'REQUIRES_ACTION', gatewayRef: 'pi_1', nextAction, expiresAt: null } as const
      await makeDue(sql, id)
      expect(await store.settle(settlementOf(await claim(store, id), question))).toBe(true)
      expect(await read(store, id)).toMatchObject({ waitsFor: 'customer', details: { nextAction } })
    }
  })

  test('leads to an authorization where that was asked', async () => {
    const gateway = createSimulatedGateway({ delayMs: 0 })
    const id = await askedPayment(sql, { ...ASKING, capture: 'manual' })
    await pay(id, { gateway })
    gateway.answer(`titan_${id}_1`, 'succeed')
    await makeDue(sql, id)
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ waitsFor: 'capture', status: 'PROCESSING' })
    // Too late: the question has been answered.
    const question = {
      type: 'REQUIRES_ACTION',
      gatewayRef: 'x',
      nextAction: { type: 'sdk', clientSecret: 's' },
      expiresAt: null,
    } as const
    expect(await report(id, question)).toBe('ignored')
    // Later still: the decline of a first card, after which the customer took another. A worker asks what is true.
    const declined = { type: 'DECLINED', code: 'expired_card', kind: 'hard' } as const
    expect(await report(id, declined)).toBe('ignored')
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ waitsFor: 'capture', status: 'PROCESSING' })
  })
})
