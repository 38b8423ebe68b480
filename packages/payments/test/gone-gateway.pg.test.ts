import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import {
  createPaymentStore,
  createSimulatedGateway,
  gatewaysOf,
  type ChargeOutcome,
  type NewPayment,
} from '../src/index.ts'
import { createPay } from './support/pay.ts'
import { makeDue, newKey, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

const UNSENT: ChargeOutcome = { type: 'NOT_SENT', reason: 'ECONNREFUSED' }
const DECLINED: ChargeOutcome = { type: 'DECLINED', code: 'do_not_honor', kind: 'soft' }
const UNKNOWN: ChargeOutcome = { type: 'UNKNOWN', reason: 'ECONNRESET' }

function named(name: string, ...answers: ChargeOutcome[]) {
  const gateway = createSimulatedGateway({ name, delayMs: 0 })
  const charge: typeof gateway.charge = async (request, options) =>
    answers.shift() ?? gateway.charge(request, options)
  return { ...gateway, charge }
}

type Named = ReturnType<typeof named>

/** A payment that these gateways worked on until it was to go to the second, which has left since. */
async function waiting(gateways: readonly Named[], more: Partial<NewPayment> = {}): Promise<string> {
  const answer = await store.create({ amount: 500, idempotencyKey: newKey(), ...more })
  if (answer.kind !== 'created') throw new Error(answer.kind)
  await pay(answer.payment.id, { gateways: gatewaysOf(gateways) })
  return answer.payment.id
}

async function settle(id: string, gateways: readonly Named[], agoMs = 600_000) {
  for (let job = 0; job < 3; job++) {
    await makeDue(sql, id, agoMs)
    await pay(id, { gateways: gatewaysOf(gateways) })
  }
  return (await store.attempts(id)).map(({ gateway, outcome }) => `${gateway} ${outcome}`)
}

test('a payment whose next gateway has left continues along its current route', async () => {
  const back = await waiting([named('first', UNSENT), named('second')])
  expect(await settle(back, [named('first')])).toEqual([
    'first NOT_SENT',
    'second NOT_SENT',
    'first SUCCEEDED',
  ])
  const onwards = await waiting([named('first', DECLINED), named('second')])
  const first = named('first')
  expect(await settle(onwards, [first, named('third')])).toEqual([
    'first DECLINED',
    'second NOT_SENT',
    'third SUCCEEDED',
  ])
  expect(first.requests).toEqual([])
})

test('so does what the reconciler has postponed, whose job is always there', async () => {
  const id = await waiting([named('first', UNSENT), named('second')])
  // What a postponement leaves: the time of the last change, and a due time that the job has just met.
  await sql`update payments set updated_at = clock_timestamp() - interval '10 minutes' where id = ${id}`
  expect(await settle(id, [named('first')], 0)).toEqual([
    'first NOT_SENT',
    'second NOT_SENT',
    'first SUCCEEDED',
  ])
})

test('so does an attempt there that was never sent', async () => {
  const id = await waiting([named('second', UNSENT)])
  expect(await read(store, id)).toMatchObject({ status: 'QUEUED', attemptOpen: true })
  expect(await settle(id, [named('first')])).toEqual(['second NOT_SENT', 'first SUCCEEDED'])
})

test.each([
  ['what may have been sent there', () => waiting([named('second', UNKNOWN)]), 600_000],
  ['what every other one declined', () => waiting([named('first', DECLINED), named('second')]), 600_000],
  [
    'what has no other token',
    () => waiting([named('second', UNSENT)], { paymentMethod: { second: 'tok_1' } }),
    600_000,
  ],
  ['what another program may take', () => waiting([named('first', UNSENT), named('second')]), 60_000],
])('%s waits for it', async (_name, create, agoMs) => {
  const id = await create()
  const before = await store.attempts(id)
  const first = named('first')
  for (const gateways of [[first], [first, named('third')].slice(0, agoMs < 300_000 ? 2 : 1)]) {
    await settle(id, gateways, agoMs)
    expect(await store.attempts(id)).toEqual(before)
  }
  expect(first.requests).toEqual([])
})
