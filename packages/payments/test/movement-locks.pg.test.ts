import { expect, test, vi } from 'vitest'
import { createPaymentStore } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { settleMany } from '../src/store/claim.ts'
import { createLocked, prepare } from '../src/store/movements.ts'
import { withLockedPayment } from '../src/store/review.ts'
import { claimByHand, createMovement, refundedBy, sumsOf } from './support/movements.ts'
import { newKey, paymentIn } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)

async function claimedRefunds(paymentIds: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (const paymentId of paymentIds) {
    const { id } = await createMovement(store, { kind: 'refund', paymentId, amount: 10 })
    await claimByHand(sql, id)
    ids.push(id)
  }
  return ids
}

const settlementsOf = (ids: readonly string[]) => ids.map((id) => refundedBy(id, 10))

async function countDeadlocks(): Promise<number> {
  await sql`select pg_stat_clear_snapshot()`
  const [row] = await sql<{ deadlocks: number }[]>`
    select deadlocks::int from pg_stat_database where datname = current_database()`
  return row?.deadlocks ?? 0
}

test('batches that end refunds of the same payments in opposite order do not lock each other out', async () => {
  const payments: string[] = []
  for (let one = 0; one < 20; one++) payments.push((await paymentIn(store, sql, 'SUCCESS')).id)
  const batches: string[][] = []
  for (let one = 0; one < 8; one++)
    batches.push(await claimedRefunds(one % 2 === 0 ? payments : payments.toReversed()))
  const written = await Promise.all(batches.map((ids) => settleMany(sql, settlementsOf(ids))))
  expect(written.flat()).toEqual(Array.from({ length: 160 }, () => true))
  for (const id of payments) expect(await sumsOf(sql, id)).toMatchObject({ reserved: 80, refunded: 80 })
  expect(await countDeadlocks()).toBe(0)
})

test('who holds a movement holds its payment, so a result and a decision do not lock each other out', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  const [id = ''] = await claimedRefunds([paymentId])
  const held = Promise.withResolvers<undefined>()
  const release = Promise.withResolvers<undefined>()
  const deciding = withLockedPayment(sql, id, async () => {
    held.resolve(undefined)
    await release.promise
  })
  await held.promise
  // Skips a row that is locked.
  expect(await sql`select from payments where id = ${paymentId} for update skip locked`).toHaveLength(0)
  const settling = settleMany(sql, settlementsOf([id]))
  release.resolve(undefined)
  await deciding
  expect(await settling).toEqual([true])
})

test('an erasure that waits for a new refund finds that it is in progress', async () => {
  const { id: paymentId } = await paymentIn(store, sql, 'SUCCESS')
  let erasing: ReturnType<typeof store.erase> | undefined
  await withLockedPayment(sql, paymentId, async (transaction) => {
    erasing = store.erase(paymentId, async () => {})
    await vi.waitFor(async () => {
      const waiting = await sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      expect(waiting).toHaveLength(1)
    })
    const asked = { kind: 'refund', paymentId, idempotencyKey: newKey(), reason: 'of Ann Lee' } as const
    expect(await createLocked(transaction, prepare(asked))).toMatchObject({ kind: 'created' })
  })
  expect(await erasing).toBe('in_progress')
  expect(await store.movements(paymentId)).toMatchObject([{ reason: 'of Ann Lee' }])
})
