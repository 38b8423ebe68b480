import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLedger, spawnGatewaySimulator } from '@titan/gateway-simulator'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { createPaymentStore, limitGateway, type PaymentsEvent } from '../../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createDriver } from '../support/driver.ts'
import { createPayment, makeDue, read } from '../support/payments.ts'
import { startSimulator, stripeAt } from '../support/simulator.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const { pay, drive, expectSound } = createDriver(store, sql)

const unknown = { status: 'PROCESSING', unknownSince: expect.any(Date) as Date } as const
const success = { status: 'SUCCESS', attemptNo: 1, retries: 0 } as const

// F53 unknown until the key is too old: no repeat; the gateway is asked, or an operator is
test('a key whose time is over is not sent again: the inquiry settles what it finds', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['reset_after'] })
  const gateway = stripeAt(simulator.url, { keyTtlMs: 1 })
  const { id } = await createPayment(store)
  await drive(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  const { requests } = await readLedger(simulator.ledgerPath)
  expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  await expectSound(simulator, id)
})

// F53
test('a key whose time is over and that the gateway does not know is for an operator', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['reset_before'] })
  const gateway = stripeAt(simulator.url, { keyTtlMs: 1 })
  const { id } = await createPayment(store)
  await drive(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'PROCESSING', needsReview: true })
  const { requests, charges } = await readLedger(simulator.ledgerPath)
  expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
  expect(charges).toEqual([])
})

// F54 inquiries that fail: nothing changes
test.each(['503', 'error_200', 'html'])('an inquiry answered with %s changes nothing', async (behaviour) => {
  const simulator = await startSimulator()
  await simulator.order([
    { behaviours: ['reset_after'] },
    { behaviours: [behaviour], on: 'inquiry', times: null },
  ])
  const gateway = stripeAt(simulator.url, { keyTtlMs: 1 })
  const { id } = await createPayment(store)
  for (let round = 0; round < 3; round++) {
    await makeDue(sql, id)
    await pay(id, { gateway })
    expect(await read(store, id)).toMatchObject({ ...unknown, needsReview: false })
  }
  await simulator.reset()
  await drive(id, { gateway })
  expect(await read(store, id)).toMatchObject({ status: 'SUCCESS' })
  await expectSound(simulator, id)
})

test('a gateway that is killed after it charged is asked again when it is back, and charges once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'titan-simulator-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const ledgerPath = join(folder, 'ledger.jsonl')
  const first = await spawnGatewaySimulator({ ledgerPath })
  onTestFinished(() => first.close())
  await first.order({ behaviours: ['hang_after'] })
  const gateway = stripeAt(first.url)
  const { id } = await createPayment(store)
  const job = pay(id, { gateway })
  await eventually(async () => (await readLedger(ledgerPath)).charges.length === 1)
  await first.kill()
  await job
  expect(await read(store, id)).toMatchObject(unknown)
  // While it is down, nothing can be sent; after a first send that says nothing.
  await makeDue(sql, id)
  await pay(id, { gateway })
  expect(await read(store, id)).toMatchObject({ ...unknown, retries: 0 })
  const second = await spawnGatewaySimulator({ ledgerPath, port: Number(new URL(first.url).port) })
  onTestFinished(() => second.close())
  await drive(id, { gateway })
  expect(await read(store, id)).toMatchObject(success)
  await expectSound(second, id)
})

test.each(['401', '404', 'invalid:payment_method'])(
  // F51 refused credentials: payments stay, none FAILED
  'while our settings are refused with %s payments stay where they are, and go through afterwards',
  async (behaviour) => {
    const simulator = await startSimulator()
    await simulator.order({ behaviours: [behaviour], times: null })
    const breaker = { windowCalls: 4, minCalls: 2, openMs: 20, maxOpenMs: 20 }
    const gateway = limitGateway(stripeAt(simulator.url), { breaker, maxConcurrent: 2 })
    const ids = await Promise.all(Array.from({ length: 12 }, async () => (await createPayment(store)).id))
    const stop = new AbortController()
    const events: PaymentsEvent[] = []
    const onEvent = (event: PaymentsEvent): void => void events.push(event)
    const jobs = Promise.all(ids.map((id) => pay(id, { gateway, onEvent }, { signal: stop.signal })))
    await eventually(() => gateway.circuit === 'open')
    expect(events).toContainEqual({
      type: 'error',
      source: 'gateway',
      error: expect.objectContaining({ code: 'GATEWAY_CONFIG' }),
    })
    await simulator.reset()
    await jobs
    for (const id of ids) expect(['PENDING', 'QUEUED', 'SUCCESS']).toContain((await read(store, id)).status)
    await Promise.all(ids.map((id) => drive(id, { gateway })))
    for (const id of ids) {
      expect(await read(store, id)).toMatchObject({ status: 'SUCCESS', retries: 0 })
      await expectSound(simulator, id)
    }
  },
)

// F59
test('while the circuit is open no payment is claimed', async () => {
  const simulator = await startSimulator()
  await simulator.order({ behaviours: ['401'], times: null })
  const breaker = { windowCalls: 4, minCalls: 1, openMs: 60_000 }
  const gateway = limitGateway(stripeAt(simulator.url), { breaker })
  const [unlucky, waiting] = [await createPayment(store), await createPayment(store)]
  await pay(unlucky.id, { gateway })
  expect(gateway.circuit).toBe('open')
  const stop = new AbortController()
  const job = pay(waiting.id, { gateway }, { signal: stop.signal })
  stop.abort(new Error('the worker stops'))
  expect(await job).toEqual(new Error('the worker stops'))
  expect(await read(store, waiting.id)).toMatchObject({ status: 'PENDING', fence: 0, attemptNo: 0 })
})
