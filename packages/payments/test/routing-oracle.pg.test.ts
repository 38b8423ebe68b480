import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { decide } from '../src/domain/decision.ts'
import { resolveRetryPolicy } from '../src/domain/retry-policy.ts'
import { chargeOf } from '../src/flow/requests.ts'
import {
  createPaymentStore,
  createSimulatedGateway,
  gatewaysOf,
  type Claim,
  type SimulatedGateway,
} from '../src/index.ts'
import { createPay } from './support/pay.ts'
import { createPayment, expireLease, makeDue, read } from './support/payments.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const pay = createPay(store)

const policy = { retrySoftDeclines: true, maxRetries: 3, maxTakeovers: 100 }
const PAYMENTS = 60
const STEPS = 80

/**
 * Refuses many connections, those of repeats too, loses many answers, and declines the rest now and then. Its ledger is its own.
 */
function unreliable(name: string, seed: number): SimulatedGateway {
  const rates = { transientRate: 0.3, unknownRate: 0.25, declineRate: 0.15 }
  const gateway = createSimulatedGateway({ name, delayMs: 0, seed, ...rates })
  let calls = 0
  return {
    ...gateway,
    charge: async (request, options) =>
      ++calls % 5 === 0 ? { type: 'NOT_SENT', reason: 'ECONNREFUSED' } : gateway.charge(request, options),
  }
}

const first = unreliable('first', 1)
const second = unreliable('second', 2)
const both = [first, second]
const gateways = gatewaysOf(both)

/** A worker that claims and is paused; others take over, and it sends late. */
async function pause(id: string): Promise<Claim | undefined> {
  const place = await store.findPlace(id)
  const gateway = place?.gateway ?? place?.lastGateway ?? 'first'
  const answer = await store.claim(id, { owner: 'paused', leaseMs: 10_000, gateway })
  await expireLease(sql, id)
  return answer.kind === 'claimed' ? answer.claim : undefined
}

async function wake(claim: Claim): Promise<void> {
  const request = chargeOf(claim)
  const gateway = both.find(({ name }) => name === claim.gateway)
  if (request === undefined || gateway === undefined) throw new Error(`a claim at ${claim.gateway}`)
  const outcome = await gateway.charge(request, { signal: new AbortController().signal })
  const routing = { route: gateways.names, before: [] }
  const context = { policy: resolveRetryPolicy(policy), actor: 'paused', random: () => 0, routing }
  await store.settle(decide(claim, outcome, context))
}

/** Works on a payment to its end, with one worker that is paused on the way. */
async function live(id: string, pauseAt: number): Promise<void> {
  let paused: Claim | undefined
  for (let step = 0; step < STEPS; step++) {
    await expireLease(sql, id)
    await makeDue(sql, id)
    if (step === pauseAt) paused = await pause(id)
    await makeDue(sql, id)
    await pay(id, { gateways, policy })
    if (['SUCCESS', 'FAILED'].includes((await read(store, id)).status)) break
  }
  if (paused !== undefined) await wake(paused)
}

test('two gateways, one oracle: no payment is charged twice, whoever is paused, and each comes to its end', async () => {
  const payments = await Promise.all(Array.from({ length: PAYMENTS }, () => createPayment(store)))
  await Promise.all(payments.map(({ id }, index) => live(id, index % 4)))
  const charges = both.flatMap(({ name, ledger }) => ledger.map((charge) => ({ ...charge, gateway: name })))
  const wrong: unknown[] = []
  for (const { id } of payments) {
    const { status, gateway, gatewayRef } = await read(store, id)
    const own = charges.filter(({ paymentId }) => paymentId === id)
    const expected = status === 'SUCCESS' ? [{ gateway, id: gatewayRef }] : []
    const seen = own.map((charge) => ({ gateway: charge.gateway, id: charge.id }))
    if (!['SUCCESS', 'FAILED'].includes(status) || JSON.stringify(seen) !== JSON.stringify(expected))
      wrong.push({ id, status, seen, expected })
    for (const { gateway: at, gatewayKey } of await store.attempts(id))
      for (const one of both)
        if (one.name !== at && one.requests.some((request) => request.gatewayKey === gatewayKey))
          wrong.push({ id, gatewayKey, at: one.name })
  }
  expect(wrong, 'payments charged wrongly').toEqual([])
  expect(charges.length).toBeGreaterThan(PAYMENTS / 2)
  const [moved] = await sql`
    select count(distinct gateway)::int as gateways, count(*) filter (where attempt_no > 1)::int as attempts from attempt_history`
  expect(moved).toMatchObject({ gateways: 2 })
  expect(moved?.['attempts']).toBeGreaterThan(10)
})
