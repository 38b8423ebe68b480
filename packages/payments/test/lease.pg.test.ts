import { eventually } from '@titan/testkit'
import { expect, test } from 'vitest'
import { createPaymentStore, type PaymentStore } from '../src/index.ts'
import { holdLease, type HeldLease } from '../src/flow/fence.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { claim, createPayment, expireLease } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const now = (): number => performance.now()
const leaseMs = 1_000

async function hold(
  options: { readonly store?: Pick<PaymentStore, 'renew'>; readonly onError?: (error: unknown) => void } = {},
): Promise<{ readonly id: string; readonly lease: HeldLease; readonly fence: number }> {
  const { id } = await createPayment(store)
  const claimedAt = now()
  const claimed = await claim(store, id, { leaseMs })
  const lease = holdLease({ store, claim: claimed, leaseMs, claimedAt, now, onError: () => {}, ...options })
  return { id, lease, fence: claimed.fence }
}

async function leaseUntil(id: string): Promise<number> {
  const [row] = await sql<{ lease_until: Date }[]>`select lease_until from payments where id = ${id}`
  return row?.lease_until.getTime() ?? 0
}

test('a lease is kept far beyond its length', async () => {
  const { id, lease } = await hold()
  const first = await leaseUntil(id)
  await eventually(async () => (await leaseUntil(id)) > first + 2 * leaseMs)
  expect(lease.signal.aborted).toBe(false)
  expect(lease.remainingMs()).toBeGreaterThan(0)
  lease.stop()
})

test('a lease that somebody else has taken aborts', async () => {
  const { id, lease, fence } = await hold()
  await expireLease(sql, id)
  expect(await claim(store, id, { owner: 'w2' })).toMatchObject({ fence: fence + 1 })
  await eventually(() => lease.signal.aborted)
  expect(lease.signal.reason).toMatchObject({ message: 'the lease was lost' })
})

test('a lease that cannot be renewed aborts when it runs out, and says why', async () => {
  const errors: unknown[] = []
  const away = { renew: () => Promise.reject(new Error('database away')) }
  const { lease } = await hold({ store: away, onError: (error) => errors.push(error) })
  await eventually(() => lease.signal.aborted)
  expect(lease.signal.reason).toMatchObject({ message: 'the lease has run out' })
  expect(errors[0]).toMatchObject({ message: 'database away' })
})

// F19
test('a database that does not answer does not keep a lease alive', async () => {
  const { lease } = await hold({ store: { renew: () => new Promise(() => {}) } })
  await eventually(() => lease.signal.aborted)
  expect(lease.remainingMs()).toBeLessThanOrEqual(0)
})

test('what is left of a lease counts from before it was asked for', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id, { leaseMs: 10_000 })
  const options = { store, claim: claimed, leaseMs: 10_000, now, onError: () => {} }
  const lease = holdLease({ ...options, claimedAt: now() - 4_000 })
  expect(lease.remainingMs()).toBeLessThanOrEqual(6_000)
  lease.stop()
})

test('a lease is renewed when that is asked for', async () => {
  const { id } = await createPayment(store)
  const claimed = await claim(store, id, { leaseMs: 10_000 })
  const options = { store, claim: claimed, leaseMs: 10_000, now, onError: () => {} }
  const lease = holdLease({ ...options, claimedAt: now() - 4_000 })
  const first = await leaseUntil(id)
  const askedAt = now()
  await lease.extend()
  expect(lease.remainingMs()).toBeGreaterThan(10_000 - (now() - askedAt) - 1)
  expect(await leaseUntil(id)).toBeGreaterThan(first)
  lease.stop()
})

test('asking a database that does not answer for a renewal ends with the lease', async () => {
  const { lease } = await hold({ store: { renew: () => new Promise(() => {}) } })
  await lease.extend()
  expect(lease.signal.aborted).toBe(true)
})
