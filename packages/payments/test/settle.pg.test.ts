import { expect, test } from 'vitest'
import { createPaymentStore } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, expireLease, makeDue, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'
import { fold } from './support/history.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

test('a success writes payment, attempt and event together', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  expect(await store.settle(settlementOf(claimed, successOf(claimed)))).toBe(true)
  const gatewayRef = `ch_${claimed.gatewayKey}`
  expect(await read(store, id)).toMatchObject({
    status: 'SUCCESS',
    gatewayRef,
    unknownSince: null,
    needsReview: false,
  })
  expect(await store.attempts(id)).toMatchObject([
    { outcome: 'SUCCEEDED', gatewayRef, decidedAt: expect.any(Date) },
  ])
  expect((await store.events(id)).at(-1)).toMatchObject({
    type: 'payment.succeeded',
    toStatus: 'SUCCESS',
    actor: 'w1',
    evidence: { gateway_ref: gatewayRef, outcome: 'SUCCEEDED' },
  })
})

test('a result under an older fence changes nothing', async () => {
  const { id } = await createPayment(store)
  const zombie = await claim(store, id)
  await expireLease(sql, id)
  const holder = await claim(store, id, { owner: 'w2' })
  const before = [await read(store, id), await store.attempts(id), await store.events(id)]
  expect(await store.settle(settlementOf(zombie, successOf(zombie)))).toBe(false)
  expect(
    await store.settle(settlementOf(zombie, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' })),
  ).toBe(false)
  expect([await read(store, id), await store.attempts(id), await store.events(id)]).toEqual(before)
  expect(await store.settle(settlementOf(holder, successOf(holder)))).toBe(true)
})

test('a result that is late but not overtaken still counts', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  await expireLease(sql, id)
  expect(await store.settle(settlementOf(claimed, successOf(claimed)))).toBe(true)
})

test('the same result is written once', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  const settlement = settlementOf(claimed, { type: 'UNKNOWN', reason: 'timeout' })
  expect(await store.settle(settlement)).toBe(true)
  expect(await store.settle(settlement)).toBe(false)
  expect((await store.events(id)).filter(({ type }) => type === 'payment.unknown')).toHaveLength(1)
})

test('an unknown outcome stays PROCESSING, is due on its schedule and is resolved under the same key', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await store.settle(settlementOf(first, { type: 'UNKNOWN', reason: 'read timeout' }))
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', unknownSince: expect.any(Date) })
  expect(await store.claim(id, { owner: 'w2', leaseMs: 10_000, gateway: 'simulated' })).toMatchObject({
    reason: 'not_due',
  })
  await makeDue(sql, id)
  const second = await claim(store, id)
  expect(second).toMatchObject({ mode: 'resolve', gatewayKey: first.gatewayKey, resolves: 1, takeovers: 0 })
  await store.settle(settlementOf(second, successOf(second)))
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', unknownSince: null })
})

test('the first unknown moment is kept over further unknown answers', async () => {
  const { id } = await createPayment(store)
  await store.settle(settlementOf(await claim(store, id), { type: 'UNKNOWN', reason: 'timeout' }))
  const { unknownSince } = await read(store, id)
  await makeDue(sql, id)
  await store.settle(settlementOf(await claim(store, id), { type: 'UNKNOWN', reason: 'timeout' }))
  expect((await read(store, id)).unknownSince).toEqual(unknownSince)
})

test('a hard decline fails at once, with the code as evidence', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  await store.settle(settlementOf(claimed, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }))
  expect(await read(store, id)).toMatchObject({
    status: 'FAILED',
    failureCode: 'stolen_card',
    failureKind: 'hard_decline',
  })
  expect((await store.events(id)).at(-1)?.evidence).toMatchObject({
    code: 'stolen_card',
    outcome: 'DECLINED',
  })
})

test('a soft decline burns its key: the next attempt has a new one and begins by sending', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  const soft = { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' } as const
  await store.settle(settlementOf(first, soft, { retrySoftDeclines: true, softDeclineDelayMs: 60_000 }))
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 1 })
  await makeDue(sql, id)
  const second = await claim(store, id)
  expect(second).toMatchObject({ attemptNo: 2, gatewayKey: `titan_${id}_2`, mode: 'send', retries: 1 })
  const attempts = await store.attempts(id)
  expect(attempts).toMatchObject([{ outcome: 'DECLINED' }, { outcome: null }])
  expect(attempts[0]?.decidedAt?.getTime()).toBeLessThanOrEqual(attempts[1]?.createdAt.getTime() ?? 0)
})

test('a request that was not sent keeps its key, and the next claim sends it', async () => {
  const { id } = await createPayment(store)
  const first = await claim(store, id)
  await store.settle(settlementOf(first, { type: 'NOT_SENT', reason: 'ECONNREFUSED' }))
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', retries: 1 })
  expect(await store.attempts(id)).toMatchObject([
    { outcome: null, sends: 0, firstSentAt: null, lastError: 'ECONNREFUSED' },
  ])
  await makeDue(sql, id)
  expect(await claim(store, id)).toMatchObject({ attemptNo: 1, mode: 'send', gatewayKey: first.gatewayKey })
})

test('a send that is not known to have failed is never taken back', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  await expireLease(sql, id)
  const second = await claim(store, id)
  await store.settle(settlementOf(second, { type: 'NOT_SENT', reason: 'ECONNREFUSED' }))
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', unknownSince: expect.any(Date) })
  expect(await store.attempts(id)).toMatchObject([{ sends: 1, firstSentAt: expect.any(Date) }])
  await makeDue(sql, id)
  expect(await claim(store, id)).toMatchObject({ mode: 'resolve' })
})

// F52b
test('"never sent" does not end a payment whose attempt was reclaimed', async () => {
  const { id } = await createPayment(store)
  await claim(store, id)
  await expireLease(sql, id)
  const second = await claim(store, id)
  const forced = settlementOf(
    { ...second, mode: 'send', takeovers: 0, retries: 99 },
    { type: 'NOT_SENT', reason: 'refused' },
  )
  expect(forced.status).toBe('FAILED')
  expect(await store.settle(forced)).toBe(false)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING' })
})

test('a used-up budget fails a payment that was never sent', async () => {
  const { id } = await createPayment(store)
  for (let retry = 0; retry <= 2; retry++) {
    await makeDue(sql, id)
    const claimed = await claim(store, id)
    await store.settle(settlementOf(claimed, { type: 'NOT_SENT', reason: 'ECONNREFUSED' }, { maxRetries: 2 }))
  }
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', retries: 2, failureKind: 'not_sent' })
  expect(await store.attempts(id)).toMatchObject([{ attemptNo: 1, outcome: 'NOT_SENT' }])
  expect((await store.events(id)).at(-1)?.evidence).toMatchObject({ reason: 'ECONNREFUSED' })
})

test('a success of another amount is not a success, even when the program says so', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  const honest = settlementOf(claimed, successOf(claimed))
  expect(await store.settle({ ...honest, charged: { amount: 499, currency: 'USD' } })).toBe(false)
  expect(await store.settle({ ...honest, charged: null })).toBe(false)
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING' })
})

test('a charge of another amount is recorded and parked', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  await store.settle(
    settlementOf(claimed, { type: 'SUCCEEDED', gatewayRef: 'ch_wrong', amount: 499, currency: 'USD' }),
  )
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  expect(
    await sql`select kind, reference, detail from reconciliation_breaks where payment_id = ${id}`,
  ).toMatchObject([{ kind: 'amount_mismatch', reference: 'ch_wrong', detail: { charged_amount: 499 } }])
})

test('many results share a statement, and a stale one among them stops nothing', async () => {
  const payments = await Promise.all(Array.from({ length: 50 }, () => createPayment(store)))
  const claims = await Promise.all(payments.map(({ id }) => claim(store, id)))
  const results = await Promise.all(
    claims.map((one, index) =>
      store.settle(settlementOf(index % 10 === 0 ? { ...one, fence: 99 } : one, successOf(one))),
    ),
  )
  expect(results.filter((isWritten) => isWritten)).toHaveLength(45)
  for (const [index, { id }] of payments.entries()) {
    expect(await read(store, id)).toMatchObject({ status: index % 10 === 0 ? 'PROCESSING' : 'SUCCESS' })
    expect(fold(await store.events(id))).toMatchObject({ ok: true })
  }
})

test('a cancel ends a payment that no attempt was made for', async () => {
  const { id } = await createPayment(store)
  await store.markQueued([id], 'relay')
  expect(await store.cancel(id, { actor: 'api', reason: 'the client changed its mind' })).toBe(true)
  expect(await read(store, id)).toMatchObject({ status: 'FAILED', failureKind: 'canceled' })
  expect(fold(await store.events(id))).toEqual({ ok: true, status: 'FAILED' })
  expect(await store.cancel(id, { actor: 'api', reason: 'again' })).toBe(false)
})

test('a cancel comes too late once there is an attempt', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  expect(await store.cancel(id, { actor: 'api', reason: 'too late' })).toBe(false)
  await store.settle(settlementOf(claimed, { type: 'NOT_SENT', reason: 'refused' }))
  expect(await store.cancel(id, { actor: 'api', reason: 'too late' })).toBe(false)
})

test('of a cancel and a claim at once exactly one wins', async () => {
  for (let round = 0; round < 20; round++) {
    const { id } = await createPayment(store)
    const [isCanceled, answer] = await Promise.all([
      store.cancel(id, { actor: 'api', reason: 'race' }),
      store.claim(id, { owner: 'w1', leaseMs: 10_000, gateway: 'simulated' }),
    ])
    expect(isCanceled).toBe(answer.kind === 'skipped')
  }
})

test('an operator decides a parked payment, with a note and a new fence', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id)
  expect(await store.decideReview(id, { to: 'FAILED', operator: 'ada', note: 'too early' })).toBe(
    'not_parked',
  )
  await store.settle(settlementOf(claimed, { type: 'UNRESOLVABLE', reason: 'key too old' }))
  expect(await store.decideReview(id, { to: 'SUCCESS', operator: 'ada', note: 'without a reference' })).toBe(
    'no_charge',
  )
  const decision = {
    to: 'SUCCESS',
    operator: 'ada',
    note: 'seen in the settlement file',
    gatewayRef: 'ch_9',
  } as const
  expect(await store.decideReview(id, decision)).toBe('decided')
  expect(await read(store, id)).toMatchObject({
    status: 'SUCCESS',
    gatewayRef: 'ch_9',
    fence: 2,
    needsReview: false,
  })
  expect((await store.events(id)).at(-1)).toMatchObject({
    actor: 'operator:ada',
    evidence: { note: decision.note },
  })
  expect(await store.settle(settlementOf(claimed, successOf(claimed)))).toBe(false)
})

test('an operator can fail a parked payment, or have the gateway asked again', async () => {
  const [failed, again] = [await createPayment(store), await createPayment(store)]
  for (const { id } of [failed, again])
    await store.settle(settlementOf(await claim(store, id), { type: 'UNRESOLVABLE', reason: 'key too old' }))
  await store.decideReview(failed.id, { to: 'FAILED', operator: 'ada', note: 'not at the gateway' })
  expect(await read(store, failed.id)).toMatchObject({ status: 'FAILED', failureKind: 'operator' })
  await store.decideReview(again.id, { to: 'RETRY', operator: 'ada', note: 'gateway is back' })
  expect(await claim(store, again.id)).toMatchObject({ mode: 'resolve', attemptNo: 1, resolves: 0 })
})

test('a contradiction is recorded once', async () => {
  const { id } = await createPayment(store)
  const contradiction = {
    kind: 'late_charge',
    paymentId: id,
    gateway: 'simulated',
    reference: 'ch_7',
    detail: {},
  } as const
  await store.recordBreak(contradiction)
  await store.recordBreak(contradiction)
  expect(await sql`select 1 from reconciliation_breaks where payment_id = ${id}`).toHaveLength(1)
})
