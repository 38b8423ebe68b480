import { expect, test } from 'vitest'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPaymentStore, createSimulatedGateway } from '../src/index.ts'
import { askedPayment, ASKING } from './support/asked.ts'
import { createMovement } from './support/movements.ts'
import { createPay } from './support/pay.ts'
import { claim, expireLease, makeDue, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

test(
  'hundreds of polls park nothing, also when workers die while they ask',
  { timeout: 120_000 },
  async () => {
    const gateway = createSimulatedGateway({ delayMs: 0, moveScript: () => 'undecided' })
    const authorized = await askedPayment(sql, { capture: 'manual' })
    const charged = await askedPayment(sql, {})
    for (const id of [authorized, charged]) await pay(id, { gateway })
    const { id: refund } = await createMovement(store, { kind: 'refund', paymentId: charged })
    await pay(refund, { gateway })
    for (let poll = 0; poll < 300; poll++)
      for (const id of [authorized, refund]) {
        await makeDue(sql, id)
        if (poll % 10 === 0) {
          await claim(store, id)
          await expireLease(sql, id)
        }
        await pay(id, { gateway })
      }
    const waiting = { status: 'PROCESSING', needsReview: false, unknownSince: null }
    expect(await read(store, authorized)).toMatchObject({ ...waiting, waitsFor: 'capture' })
    expect(await read(store, refund)).toMatchObject({ ...waiting, waitsFor: 'gateway' })
  },
)

test('what waits is counted apart, and no duty but its own finds it', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const [captured, customer] = [
    await askedPayment(sql, { capture: 'manual' }),
    await askedPayment(sql, ASKING),
  ]
  for (const id of [captured, customer]) await pay(id, { gateway })
  const { waiting, oldestWaitingMs, byStatus } = await store.counts()
  expect(waiting.capture).toBeGreaterThan(0)
  expect(oldestWaitingMs.customer).toBeGreaterThan(0)
  expect(byStatus.PROCESSING).toBeGreaterThanOrEqual(waiting.capture + waiting.customer)

  for (const id of [captured, customer]) await makeDue(sql, id, 3_600_000)
  const lost = { limit: 100, queuedAgeMs: 1_000, processingAgeMs: 1_000, actor: 'reconciler' }
  const ids = new Set([captured, customer])
  const isOurs = ({ paymentId }: { readonly paymentId: string }) => ids.has(paymentId)
  expect((await store.takeLost(lost)).filter(isOurs)).toEqual([])
  const { jobs } = await store.unfinishedJobs('PROCESSING', undefined, 1_000)
  expect(jobs.filter(isOurs)).toEqual([])

  const due = { limit: 100, ageMs: 1_000, actor: 'reconciler' }
  const woken = (await store.wakeWaiting(due)).filter(isOurs)
  expect(woken).toHaveLength(2)
  expect(woken[0]).toMatchObject({ scheduleNo: 1 })
  expect((await store.events(captured)).at(-1)).toMatchObject({ type: 'payment.requeued' })
  // Not again before another full age.
  expect((await store.wakeWaiting(due)).filter(isOurs)).toEqual([])
})

test('a wait is of an open attempt, and nothing about it is unknown', async () => {
  const id = await askedPayment(sql, { capture: 'manual' })
  await pay(id, { gateway: createSimulatedGateway({ delayMs: 0 }) })
  for (const broken of [{ unknown_since: new Date() }, { needs_review: true }, { attempt_open: false }])
    await expect(sql`update payments set ${sql(broken)} where id = ${id}`).rejects.toMatchObject({
      constraint_name: 'payments_wait_is_in_flight',
    })
})
