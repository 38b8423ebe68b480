import { expect, test } from 'vitest'
import { createPaymentStore, kindOf } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { authorizedPayment, claimByHand, createMovement, endMovement, sumsOf } from './support/movements.ts'
import { createPayment, newKey, paymentIn, read } from './support/payments.ts'
import { fold } from './support/history.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

test('a refund is stored as PENDING with its first event, and reserves its amount', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const answer = await store.createMovement({ kind: 'refund', paymentId, amount: 200, idempotencyKey: 'one' })
  expect(answer).toMatchObject({
    kind: 'created',
    movement: {
      kind: 'refund',
      paymentId,
      amount: 200,
      currency: 'USD',
      status: 'PENDING',
      idempotencyKey: 'one',
      attemptNo: 0,
      gatewayRef: null,
    },
  })
  const id = 'movement' in answer ? answer.movement.id : ''
  expect(id).toMatch(/^ref_[\da-f]{32}$/)
  expect(id.slice(-3)).toBe(paymentId.slice(-3))
  expect(kindOf(id)).toBe('refund')
  expect(await store.movement(id)).toEqual('movement' in answer && answer.movement)
  expect(await store.events(id)).toMatchObject([
    { type: 'refund.created', eventId: `evt_${id}_1`, toStatus: 'PENDING', actor: 'api' },
  ])
  expect(await sumsOf(sql, paymentId)).toEqual({ captured: null, reserved: 200, refunded: null })
})

test('a refund without an amount takes all that is left', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  await createMovement(store, { kind: 'refund', paymentId, amount: 120 })
  expect(await createMovement(store, { kind: 'refund', paymentId })).toMatchObject({ amount: 380 })
  const third = await store.createMovement({ kind: 'refund', paymentId, idempotencyKey: newKey() })
  expect(third).toEqual({ kind: 'refused', reason: 'exceeds', available: 0 })
})

test('a key is one movement of its payment and kind, and its request may be repeated at any time', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const asked = { kind: 'refund', paymentId, idempotencyKey: 'all' } as const
  const first = await createMovement(store, asked)
  // Nothing is left to refund; the request is the same all the same.
  expect(await store.createMovement(asked)).toEqual({ kind: 'replayed', movement: first })
  // 500 is what the first one took, and yet another request.
  expect(await store.createMovement({ ...asked, amount: 500 })).toEqual({ kind: 'mismatch' })
  await endMovement(sql, first.id, 'FAILED')
  expect(await store.createMovement(asked)).toMatchObject({
    kind: 'replayed',
    movement: { id: first.id, status: 'FAILED', failureCode: 'refund_refused' },
  })
  const { id: other } = await paymentIn(store, sql, 'SUCCESS')
  expect(await store.createMovement({ ...asked, paymentId: other })).toMatchObject({ kind: 'created' })
})

test('a refund that failed returns what it reserved; one that succeeded adds to what was refunded', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const first = await createMovement(store, { kind: 'refund', paymentId, amount: 200 })
  const second = await createMovement(store, { kind: 'refund', paymentId, amount: 100 })
  const before = await read(store, paymentId)
  await endMovement(sql, first.id, 'FAILED')
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 100, refunded: 0 })
  await endMovement(sql, second.id, 'SUCCESS')
  expect(await sumsOf(sql, paymentId)).toMatchObject({ reserved: 100, refunded: 100 })
  const { updatedAt: _before, refundsReserved: _reserved, amountRefunded: _refunded, ...rest } = before
  expect(await read(store, paymentId)).toMatchObject(rest)
})

test.each([
  ['PENDING', 'refund', 'not_succeeded'],
  ['PROCESSING', 'refund', 'not_succeeded'],
  ['FAILED', 'refund', 'not_succeeded'],
  ['PENDING', 'capture', 'not_authorized'],
  ['PROCESSING', 'capture', 'not_authorized'],
  ['FAILED', 'capture', 'not_authorized'],
  ['SUCCESS', 'capture', 'already_captured'],
  ['PENDING', 'void', 'not_started'],
  ['QUEUED', 'void', 'not_started'],
  ['PROCESSING', 'void', 'not_authorized'],
  ['FAILED', 'void', 'not_authorized'],
  ['SUCCESS', 'void', 'already_captured'],
] as const)('of a %s payment a %s is refused: %s', async (status, kind, reason) => {
  const { id: paymentId } = await paymentIn(store, sql, status)
  expect(await store.createMovement({ kind, paymentId, idempotencyKey: newKey() })).toEqual({
    kind: 'refused',
    reason,
  })
  expect(await store.movements(paymentId)).toEqual([])
})

test('a movement of no payment is refused, and so is one of a movement', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const refund = await createMovement(store, { kind: 'refund', paymentId, amount: 1 })
  await endMovement(sql, refund.id, 'SUCCESS')
  for (const unknown of ['pay_unknown', refund.id])
    expect(
      await store.createMovement({ kind: 'refund', paymentId: unknown, idempotencyKey: newKey() }),
    ).toEqual({ kind: 'refused', reason: 'not_found' })
})

test('nothing moves while an operator has to decide', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  await sql`
    update payments set needs_review = true, unknown_since = clock_timestamp(), waits_for = null, waits_until = null
     where id = ${paymentId}`
  for (const kind of ['capture', 'void', 'refund'] as const)
    expect(await store.createMovement({ kind, paymentId, idempotencyKey: newKey() })).toEqual({
      kind: 'refused',
      reason: 'in_review',
    })
})

test('of an authorization one capture or void is under way at a time', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  expect(
    await store.createMovement({ kind: 'capture', paymentId, amount: 501, idempotencyKey: newKey() }),
  ).toEqual({ kind: 'refused', reason: 'exceeds', available: 500 })
  const capture = await createMovement(store, { kind: 'capture', paymentId, amount: 300 })
  for (const kind of ['capture', 'void'] as const)
    expect(await store.createMovement({ kind, paymentId, idempotencyKey: newKey() })).toEqual({
      kind: 'refused',
      reason: 'already_captured',
    })
  await endMovement(sql, capture.id, 'FAILED')
  expect(await read(store, paymentId)).toMatchObject({ status: 'PROCESSING', attemptOpen: true })
  await createMovement(store, { kind: 'void', paymentId })
  expect(await store.createMovement({ kind: 'capture', paymentId, idempotencyKey: newKey() })).toEqual({
    kind: 'refused',
    reason: 'already_voided',
  })
})

test('a capture ends its payment as SUCCESS with what was captured, which refunds are measured by', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const capture = await createMovement(store, { kind: 'capture', paymentId, amount: 300 })
  // The gateway may know a capture by the id of its charge.
  await endMovement(sql, capture.id, 'SUCCESS', `ch_${paymentId}`)
  expect(await read(store, paymentId)).toMatchObject({
    status: 'SUCCESS',
    fence: 2,
    attemptOpen: false,
    gatewayRef: `ch_${paymentId}`,
  })
  expect(await sumsOf(sql, paymentId)).toMatchObject({ captured: 300 })
  expect(await store.attempts(paymentId)).toMatchObject([
    { outcome: 'SUCCEEDED', gatewayRef: `ch_${paymentId}` },
  ])
  const events = await store.events(paymentId)
  expect(fold(events)).toEqual({ ok: true, status: 'SUCCESS' })
  expect(events.at(-1)).toMatchObject({
    type: 'payment.succeeded',
    actor: 'w1',
    evidence: { movement_id: capture.id, amount_captured: 300 },
  })
  expect(
    await store.createMovement({ kind: 'refund', paymentId, amount: 301, idempotencyKey: newKey() }),
  ).toEqual({ kind: 'refused', reason: 'exceeds', available: 300 })
  expect(await createMovement(store, { kind: 'refund', paymentId })).toMatchObject({ amount: 300 })
})

test.each([false, true])('a void ends its payment as FAILED, parked before its end: %s', async (isParked) => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const { id, amount } = await createMovement(store, { kind: 'void', paymentId })
  expect(amount).toBe(500)
  if (isParked)
    await sql`
      update payments set needs_review = true, unknown_since = clock_timestamp(), waits_for = null, waits_until = null
       where id = ${paymentId}`
  await endMovement(sql, id, 'SUCCESS', `ch_${paymentId}`)
  expect(await read(store, paymentId)).toMatchObject({
    status: 'FAILED',
    failureCode: 'voided',
    failureKind: 'canceled',
    gatewayRef: null,
    unknownSince: null,
    fence: 2,
  })
  expect(await store.attempts(paymentId)).toMatchObject([{ outcome: 'DECLINED' }])
  expect(fold(await store.events(paymentId))).toEqual({ ok: true, status: 'FAILED' })
  expect(await store.createMovement({ kind: 'void', paymentId, idempotencyKey: newKey() })).toEqual({
    kind: 'refused',
    reason: 'already_voided',
  })
})

test('a void leaves a payment to an operator while a charge of it is on record', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const { id } = await createMovement(store, { kind: 'void', paymentId })
  await sql`
    insert into reconciliation_breaks (kind, payment_id, gateway, reference) values ('duplicate_charge', ${paymentId}, 'simulated', ${`dup_${paymentId}`})`
  await endMovement(sql, id, 'SUCCESS', `ch_${paymentId}`)
  expect(await read(store, paymentId)).toMatchObject({
    status: 'PROCESSING',
    needsReview: true,
    attemptOpen: false,
  })
  expect(fold(await store.events(paymentId))).toEqual({ ok: true, status: 'PROCESSING' })
})

test('a capture that succeeds after its payment failed is on record as a late charge', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const { id } = await createMovement(store, { kind: 'capture', paymentId, amount: 300 })
  await sql`
    update payments set status = 'FAILED', failure_code = 'authorization_expired', failure_kind = 'expired', attempt_open = false,
           gateway_ref = null, waits_for = null, event_seq = event_seq + 1
     where id = ${paymentId}`
  await endMovement(sql, id, 'SUCCESS', `ch_${paymentId}`)
  expect(await read(store, paymentId)).toMatchObject({ status: 'FAILED', openCharges: 1 })
  expect(await store.breaks(paymentId)).toMatchObject([
    { kind: 'late_charge', reference: `ch_${paymentId}`, amount: 300, currency: 'USD', resolvedAt: null },
  ])
})

test('movements of a payment are read oldest first, whatever their kinds', async () => {
  const { id: paymentId } = await authorizedPayment(store, sql)
  const failed = await createMovement(store, { kind: 'void', paymentId })
  await endMovement(sql, failed.id, 'FAILED')
  const capture = await createMovement(store, { kind: 'capture', paymentId })
  await endMovement(sql, capture.id, 'SUCCESS')
  const refund = await createMovement(store, { kind: 'refund', paymentId, amount: 5 })
  expect((await store.movements(paymentId)).map(({ id }) => id)).toEqual([failed.id, capture.id, refund.id])
  expect(await store.movement(paymentId)).toBeUndefined()
})

test('pages of movements hold each match once, newest first', async () => {
  const { id: paymentId } = await createPayment(store).then(() => paymentIn(store, sql, 'SUCCESS'))
  const made: string[] = []
  for (let one = 0; one < 7; one++)
    made.push((await createMovement(store, { kind: 'refund', paymentId, amount: 1 })).id)
  const { id: authorized } = await authorizedPayment(store, sql)
  made.push((await createMovement(store, { kind: 'void', paymentId: authorized })).id)
  const walk = async (filter: Parameters<typeof store.pageMovements>[0]) => {
    const found: string[] = []
    for (let after: string | undefined; ;) {
      const page = await store.pageMovements({ ...filter, after, limit: 3 })
      found.push(...page.movements.map(({ id }) => id))
      if (page.next === undefined) return found
      after = page.next
    }
  }
  const newest = made.toReversed()
  expect((await walk({})).slice(0, 8)).toEqual(newest)
  expect(await walk({ paymentId })).toEqual(newest.slice(1))
  expect(await walk({ paymentId, kind: 'void' })).toEqual([])
  expect(await walk({ kind: 'void', paymentId: authorized })).toEqual([newest[0]])
  expect(await walk({ paymentId, status: 'FAILED' })).toEqual([])
  expect(await walk({ paymentId, createdAfter: new Date(Date.now() + 60_000) })).toEqual([])
  expect(await walk({ paymentId, createdAfter: new Date(Date.now() - 60_000) })).toEqual(newest.slice(1))
})

test('what is parked is listed by its index, and no list or number of payments holds a movement', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const ended = await createMovement(store, { kind: 'refund', paymentId, amount: 1 })
  const before = await store.counts()
  await endMovement(sql, ended.id, 'SUCCESS')
  expect((await store.counts()).byStatus).toEqual({
    ...before.byStatus,
    PENDING: before.byStatus.PENDING - 1,
  })
  const parked = await createMovement(store, { kind: 'refund', paymentId, amount: 1 })
  await claimByHand(sql, parked.id)
  await sql`update payments set needs_review = true, unknown_since = clock_timestamp(), waits_for = null where id = ${parked.id}`
  const { movements } = await store.pageMovements({ needsReview: true })
  expect(movements.map(({ id }) => id)).toEqual([parked.id])
  expect((await store.pageMovements({ paymentId, needsReview: false })).movements).toMatchObject([
    { id: ended.id },
  ])
  for (const filter of [{}, { needsReview: true }, { status: 'PENDING' }, { status: 'SUCCESS' }] as const)
    for (const { id } of (await store.page({ ...filter, limit: 500 })).payments)
      expect(kindOf(id)).toBe('charge')
})

test('a payment says what was charged, what refunds take of it, and whom it waits for', async () => {
  const open = await paymentIn(store, sql, 'QUEUED')
  expect(await read(store, open.id)).toMatchObject({
    parentId: null,
    amountCaptured: 0,
    waitsFor: null,
    waitsUntil: null,
  })
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const first = await createMovement(store, { kind: 'refund', paymentId, amount: 200 })
  await createMovement(store, { kind: 'refund', paymentId, amount: 50 })
  await endMovement(sql, first.id, 'SUCCESS')
  const sums = { amountCaptured: 500, amountRefunded: 200, refundsReserved: 250 }
  const [listed] = (await store.page({ status: 'SUCCESS', limit: 1 })).payments
  for (const payment of [await read(store, paymentId), listed])
    expect(payment).toMatchObject({ id: paymentId, ...sums })

  const authorized = await authorizedPayment(store, sql)
  expect(await read(store, authorized.id)).toMatchObject({
    amountCaptured: 0,
    waitsFor: 'capture',
    waitsUntil: expect.any(Date),
  })
  const capture = await createMovement(store, { kind: 'capture', paymentId: authorized.id, amount: 300 })
  await endMovement(sql, capture.id, 'SUCCESS', `ch_${authorized.id}`)
  expect(await read(store, authorized.id)).toMatchObject({ amountCaptured: 300, waitsFor: null })
})
