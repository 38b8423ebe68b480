import {
  createSimulatedGateway,
  gatewaysOf,
  loadPaymentsConfig,
  startGateway,
  stopGateway,
  type Gateway,
} from '@titan/payments'
import { createLog } from '@titan/service'
import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { startPaymentWorkers } from '../src/index.ts'
import { openRig, PATIENT, type Rig } from './support/rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.close())

/** Runs a worker over these gateways until the test ends. */
async function run(consumer: string, gateways: readonly Gateway[]) {
  const workers = await startPaymentWorkers({
    config: loadPaymentsConfig({ ...rig.env, RELAY_INTERVAL_MS: '50' }),
    gateways: gatewaysOf(gateways),
    log: createLog('test', { logLevel: 'silent', logFormat: 'json' }),
    group: 'workers',
    consumer,
    workerCount: 1,
    concurrency: 4,
    visibilityTimeoutMs: 30_000,
    relay: true,
    reconcile: false,
    books: false,
    migrate: false,
    connectTimeoutMs: 10_000,
  })
  onTestFinished(() => workers.stop(5_000))
  return workers
}

const losingOnce = (name: string) =>
  createSimulatedGateway({
    name,
    delayMs: 0,
    script: (_, send) => (send === 1 ? 'unknown_after_charge' : undefined),
  })

it('workers with different lists settle only what is at their gateways', { timeout: 180_000 }, async () => {
  const [left, right] = [losingOnce('left'), losingOnce('right')]
  await run('w-left', [left])
  await run('w-right', [right])
  const ids = await Promise.all(Array.from({ length: 12 }, (_, index) => rig.create(`lists-${index}`)))
  // Chance decides which worker reads a job, and each wrong one in a row doubles the delay.
  for (const id of ids)
    await eventually(async () => (await rig.store.get(id))?.status === 'SUCCESS', { timeoutMs: 170_000 })
  // Each was sent again where it began, and nowhere else.
  expect(left.ledger.length + right.ledger.length).toBe(12)
  for (const id of ids) {
    const payment = await rig.store.get(id)
    const own = payment?.gateway === 'left' ? left : right
    expect(own.ledger.filter(({ paymentId }) => paymentId === id)).toHaveLength(1)
    expect(payment?.fence).toBe(2)
  }
})

it('a stopped gateway gets nothing while the others continue', { timeout: 60_000 }, async () => {
  const [first, second] = ['first', 'second'].map((name) => createSimulatedGateway({ name, delayMs: 0 }))
  if (first === undefined || second === undefined) throw new Error('there are two')
  const stop = { gateway: 'first', stoppedBy: 'ann', reason: 'an incident there' }
  expect(await stopGateway(rig.sql, stop)).toBe(true)
  expect(await stopGateway(rig.sql, stop)).toBe(false)
  await run('w-both', [first, second])
  const during = await rig.create('stopped-1')
  await rig.reaches(during, 'SUCCESS')
  expect((await rig.store.get(during))?.gateway).toBe('second')
  const answer = await rig.store.createMovement({ kind: 'refund', paymentId: during, idempotencyKey: 'one' })
  await rig.reaches('movement' in answer ? answer.movement.id : '', 'SUCCESS')
  expect(await startGateway(rig.sql, 'first')).toBe(true)
  await eventually(async () => {
    const id = await rig.create(`started-${performance.now()}`)
    await rig.reaches(id, 'SUCCESS')
    return (await rig.store.get(id))?.gateway === 'first'
  }, PATIENT)
  expect(first.requests.map(({ paymentId }) => paymentId)).not.toContain(during)
})

it(
  'a worker whose only gateway is stopped claims nothing until it is started',
  { timeout: 60_000 },
  async () => {
    const only = createSimulatedGateway({ name: 'only', delayMs: 0 })
    await stopGateway(rig.sql, { gateway: 'only', stoppedBy: 'ann', reason: '' })
    await run('w-only', [only])
    const id = await rig.create('only-1')
    await rig.reaches(id, 'QUEUED')
    expect(only.requests).toEqual([])
    await startGateway(rig.sql, 'only')
    await rig.reaches(id, 'SUCCESS')
  },
)
