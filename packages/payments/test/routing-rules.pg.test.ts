import { createMigratedDatabase } from '@titan/testkit/vitest'
import { describe, expect, test } from 'vitest'
import { createPaymentStore, type ChargeOutcome } from '../src/index.ts'
import { earlierProgram } from './support/earlier.ts'
import { claim, createPayment, expireLease, makeDue, newKey, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

const UNSENT: ChargeOutcome = { type: 'NOT_SENT', reason: 'ECONNREFUSED' }

describe('the database refuses', () => {
  /** A payment at `first`, and how it would be closed to go to `second`. */
  async function leaving(change: (id: string) => Promise<unknown> = async () => undefined) {
    const { id } = await createPayment(store)
    const held = await claim(store, id, { gateway: 'first' })
    await change(id)
    const unsent = settlementOf(held, UNSENT)
    return {
      id,
      held,
      closing: { ...unsent, attemptOutcome: 'NOT_SENT', nextGateway: 'second', delayMs: 0 } as const,
    }
  }

  test.each([
    ['another claim may have sent', (id: string) => sql`update payments set sends = 2 where id = ${id}`],
    ['a takeover', (id: string) => sql`update payments set takeovers = 1 where id = ${id}`],
    ['the lease is over', (id: string) => expireLease(sql, id)],
    ['a newer fence', (id: string) => sql`update payments set fence = fence + 1 where id = ${id}`],
  ])('to close as never sent what is not certain: %s', async (_name, change) => {
    const { id, closing } = await leaving(change)
    expect(await store.settle(closing)).toBe(false)
    expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', attemptOpen: true })
  })

  test('to close as never sent what counts as sent, whoever writes it', async () => {
    const { id, closing } = await leaving()
    expect(await store.settle({ ...closing, unsent: false })).toBe(false)
    await store.settle(settlementOf(await reclaimed(id), { type: 'UNKNOWN', reason: 'x' }))
    const close = sql`
      update payment_attempts set outcome = 'NOT_SENT', decided_at = now() where payment_id = ${id}`
    await expect(close).rejects.toMatchObject({ constraint_name: 'payment_attempts_not_sent_is_unsent' })
  })

  test.each([
    ['sent', { sends: 1, takeovers: 0 }],
    ['taken over', { sends: 0, takeovers: 1 }],
  ])('to write an attempt that was %s as never sent, and another one after it', async (_name, counts) => {
    const { id } = await leaving()
    const write = (attempt_no: number, gateway: string, more: object) => {
      const attempt = {
        payment_id: id,
        attempt_no,
        gateway,
        gateway_key: `titan_${id}_${attempt_no}`,
        fence: 1,
        ...more,
      }
      return sql`insert into payment_attempts ${sql({ ...attempt, amount: 500, currency: 'USD' })}`
    }
    const unsent = { ...counts, outcome: 'NOT_SENT', decided_at: new Date() }
    await expect(write(1, 'first', unsent)).rejects.toMatchObject({
      constraint_name: 'payment_attempts_not_sent_is_unsent',
    })
    await sql`alter table payment_attempts disable trigger payment_attempts_check_not_sent`
    try {
      await write(1, 'first', unsent)
    } finally {
      await sql`alter table payment_attempts enable trigger payment_attempts_check_not_sent`
    }
    await expect(write(2, 'second', {})).rejects.toMatchObject({
      constraint_name: 'payment_attempts_follow_decline',
    })
  })

  /** The same claim again, as a settlement needs it. */
  async function reclaimed(id: string) {
    await expireLease(sql, id)
    return claim(store, id, { gateway: 'first' })
  }

  test('a further attempt at the gateway itself, or at another one than the next', async () => {
    const { id, closing } = await leaving()
    expect(await store.settle(closing)).toBe(true)
    for (const gateway of ['first', 'third'])
      expect(await store.claim(id, { owner: 'w', leaseMs: 9_000, gateway })).toMatchObject({
        reason: 'other_gateway',
      })
    const begin = (gateway: string) =>
      sql`update payments set fence = fence + 1, attempt_no = 2, attempt_open = true, gateway = ${gateway}, status = 'PROCESSING',
                 event_seq = event_seq + 1 where id = ${id}`
    for (const gateway of ['first', 'third'])
      await expect(begin(gateway)).rejects.toMatchObject({
        constraint_name: 'payments_attempt_at_next_gateway',
      })
    await sql`update payments set next_gateway = null where id = ${id}`
    await expect(claim(store, id, { gateway: 'first' })).rejects.toMatchObject({
      constraint_name: 'payment_attempts_follow_decline',
    })
    await sql`update payments set next_gateway = 'second' where id = ${id}`
    expect(await claim(store, id, { gateway: 'second' })).toMatchObject({ attemptNo: 2, mode: 'send' })
    expect(await sql`select next_gateway from payments where id = ${id}`).toMatchObject([
      { next_gateway: null },
    ])
  })

  test('a next gateway while the attempt is open', async () => {
    const { id, closing } = await leaving()
    await expect(store.settle({ ...closing, attemptOutcome: null })).rejects.toMatchObject({
      constraint_name: 'payments_next_gateway_after_attempt',
    })
    expect(await read(store, id)).toMatchObject({ status: 'PROCESSING' })
  })

  test('a next gateway for what is over, and for a refund', async () => {
    const { held, closing } = await leaving()
    const over = { status: 'FAILED', failureCode: 'x', failureKind: 'not_sent' } as const
    const rejected = { constraint_name: 'payments_next_gateway_after_attempt' }
    await expect(store.settle({ ...closing, ...over })).rejects.toMatchObject(rejected)
    expect(await store.settle(settlementOf(held, successOf(held)))).toBe(true)
    const refund = await store.createMovement({
      kind: 'refund',
      paymentId: held.paymentId,
      idempotencyKey: newKey(),
    })
    if (refund.kind !== 'created') throw new Error(refund.kind)
    await expect(
      sql`update payments set status = 'QUEUED', event_seq = 2, next_gateway = 'second' where id = ${refund.movement.id}`,
    ).rejects.toMatchObject(rejected)
  })

  test('another gateway for a payment that succeeds with a charge that is not on record there', async () => {
    const { id, held } = await leaving()
    await expect(
      sql`update payments set status = 'SUCCESS', attempt_open = false, gateway = 'second', gateway_ref = 'ch_1',
                 event_seq = event_seq + 1 where id = ${id}`,
    ).rejects.toMatchObject({ constraint_name: 'payments_events_are_frozen' })
    expect(await store.settle(settlementOf(held, successOf(held)))).toBe(true)
  })

  test('the version before to repeat at its own gateway what goes to another one, and lets it work there', async () => {
    const { id, closing } = await leaving()
    await store.settle(closing)
    await makeDue(sql, id)
    const earlier = earlierProgram(sql)
    await expect(earlier.claim(id, 10_000)).rejects.toMatchObject({
      constraint_name: 'payments_attempt_at_next_gateway',
    })
    await sql`update payments set next_gateway = 'simulated' where id = ${id}`
    const held = await earlier.claim(id, 10_000)
    expect(held).toMatchObject({ attemptNo: 2, gateway: 'simulated' })
    if (held === undefined) throw new Error('not claimed')
    expect(await earlier.settle(settlementOf(held, successOf(held)))).toBe(true)
    expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', gateway: 'simulated' })
  })
})
