import { randomUUID } from 'node:crypto'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, test } from 'vitest'
import { createPaymentStore, type Claim, type Payment } from '../src/index.ts'
import { newPaymentId } from '../src/domain/identifiers.ts'
import { firstFingerprint } from '../src/domain/request.ts'
import { earlierProgram } from './support/earlier.ts'
import { fold } from './support/history.ts'
import { claim, createPayment, expireLease, makeDue, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const earlier = earlierProgram(sql)

async function createEarlier(): Promise<string> {
  const key = randomUUID()
  const id = newPaymentId(key)
  expect(await earlier.create({ id, key, hash: firstFingerprint({ amount: 500, currency: 'USD' }) })).toBe(
    true,
  )
  return id
}

async function claimEarlier(id: string, leaseMs?: number): Promise<Claim> {
  const held = await earlier.claim(id, leaseMs)
  if (held === undefined) throw new Error(`${id} was not claimed`)
  return held
}

/** Whoever wrote it: a status that its gapless history explains, and attempts that are numbered, with derived keys. */
async function expectWhole(id: string): Promise<Payment> {
  const payment = await read(store, id)
  const events = await store.events(id)
  expect(fold(events)).toEqual({ ok: true, status: payment.status })
  const attempts = await store.attempts(id)
  expect(attempts.map(({ attemptNo, gatewayKey }) => [attemptNo, gatewayKey])).toEqual(
    Array.from({ length: payment.attemptNo }, (_, index) => [index + 1, `titan_${id}_${index + 1}`]),
  )
  const last = attempts.at(-1)
  if (last !== undefined) {
    expect(last.outcome === null).toBe(payment.attemptOpen)
    expect(last.fence).toBe(payment.fence)
  }
  if (payment.status === 'SUCCESS')
    expect(last).toMatchObject({ outcome: 'SUCCEEDED', gatewayRef: payment.gatewayRef })
  return payment
}

/** A step that leads on, and who can take it. */
const PROGRAMS = ['today', 'earlier'] as const
type Program = (typeof PROGRAMS)[number]
const createBy = { today: async () => (await createPayment(store)).id, earlier: createEarlier }
const queueBy = {
  today: async (id: string) => (await store.markQueued([id], 'relay')) === 1,
  earlier: earlier.markQueued,
}
const claimBy = { today: (id: string) => claim(store, id), earlier: (id: string) => claimEarlier(id) }
const settleBy = { today: store.settle, earlier: earlier.settle }

/** Every way to share the steps of a life among both programs. */
function ways(...steps: readonly string[]): (readonly Program[])[] {
  return steps.reduce<(readonly Program[])[]>(
    (all) => all.flatMap((way) => PROGRAMS.map((program) => [...way, program])),
    [[]],
  )
}

// Programs of the version before run beside those of this one: payments pass from one to the other at every step
test.for(ways('create', 'queue', 'claim', 'settle'))(
  'created by %s, queued by %s, claimed by %s, settled by %s',
  async ([create = 'today', queue = 'today', claimer = 'today', settle = 'today']) => {
    const id = await createBy[create]()
    expect(await queueBy[queue](id)).toBe(true)
    const held = await claimBy[claimer](id)
    expect(await settleBy[settle](settlementOf(held, successOf(held)))).toBe(true)
    const payment = await expectWhole(id)
    expect(payment).toMatchObject({ status: 'SUCCESS', fence: 1, attemptNo: 1 })
    const types = (await store.events(id)).map(({ type }) => type.replace('payment.', ''))
    expect(types).toEqual(['created', 'queued', 'processing', 'succeeded'])
  },
)

test.for(ways('create', 'claim', 'settle'))(
  'created by %s, claimed at once by %s, declined by %s',
  async ([create = 'today', claimer = 'today', settle = 'today']) => {
    const id = await createBy[create]()
    const held = await claimBy[claimer](id)
    const declined = settlementOf(held, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' })
    expect(await settleBy[settle](declined)).toBe(true)
    expect(await expectWhole(id)).toMatchObject({ status: 'FAILED', failureCode: 'stolen_card' })
    expect(await settleBy[settle](settlementOf(held, successOf(held)))).toBe(false)
  },
)

test.for(ways('claim', 'take over', 'settle'))(
  'claimed by %s whose lease ended, taken over by %s, settled by %s',
  async ([first = 'today', second = 'today', settle = 'today']) => {
    const id = await createBy.today()
    const lost = await claimBy[first](id)
    await expireLease(sql, id)
    const held = await claimBy[second](id)
    expect(held).toMatchObject({ fence: 2, attemptNo: 1, mode: 'resolve', takeovers: 1 })
    for (const late of PROGRAMS) expect(await settleBy[late](settlementOf(lost, successOf(lost)))).toBe(false)
    expect(await settleBy[settle](settlementOf(held, successOf(held)))).toBe(true)
    expect(await expectWhole(id)).toMatchObject({ status: 'SUCCESS', fence: 2 })
  },
)

test.for(ways('claim', 'write unknown', 'settle'))(
  'claimed by %s, left unknown by %s, settled after another claim by %s',
  async ([first = 'today', unknown = 'today', settle = 'today']) => {
    const id = await createBy.today()
    const held = await claimBy[first](id)
    const left = settlementOf(held, { type: 'UNKNOWN', reason: 'timeout' })
    expect(await settleBy[unknown](left)).toBe(true)
    expect(await expectWhole(id)).toMatchObject({ status: 'PROCESSING', attemptOpen: true })
    await makeDue(sql, id)
    const again = await claimBy[settle](id)
    expect(again).toMatchObject({ mode: 'resolve', attemptNo: 1 })
    expect(await settleBy[settle](settlementOf(again, successOf(again)))).toBe(true)
    expect(await expectWhole(id)).toMatchObject({ status: 'SUCCESS' })
  },
)

test.for(ways('claim', 'decline', 'second claim'))(
  'claimed by %s, declined for now by %s, tried again by %s',
  async ([first = 'today', decline = 'today', second = 'today']) => {
    const id = await createBy.today()
    const held = await claimBy[first](id)
    const soft = settlementOf(
      held,
      { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' },
      { retrySoftDeclines: true },
    )
    expect(await settleBy[decline](soft)).toBe(true)
    expect(await expectWhole(id)).toMatchObject({ status: 'QUEUED', attemptOpen: false })
    await makeDue(sql, id)
    const again = await claimBy[second](id)
    expect(again).toMatchObject({ attemptNo: 2, mode: 'send', gatewayKey: `titan_${id}_2` })
    expect(await settleBy[first](settlementOf(again, successOf(again)))).toBe(true)
    expect(await expectWhole(id)).toMatchObject({ status: 'SUCCESS', attemptNo: 2 })
  },
)

test.for(PROGRAMS)('claimed by %s, ended by a webhook at the other one', async (claimer) => {
  const id = await createBy.today()
  const lost = await claimBy[claimer](id)
  const seized =
    claimer === 'today'
      ? await earlier.seize(id, 1)
      : await store.seize({ paymentId: id, attemptNo: 1, gateway: 'simulated', actor: 'webhook' })
  if (seized === undefined) throw new Error('not seized')
  const settle = settleBy[claimer === 'today' ? 'earlier' : 'today']
  expect(await settle(settlementOf(seized, successOf(seized)))).toBe(true)
  expect(await settleBy[claimer](settlementOf(lost, successOf(lost)))).toBe(false)
  expect(await expectWhole(id)).toMatchObject({ status: 'SUCCESS', fence: 2 })
})

test.for(PROGRAMS)(
  'a lease of %s is extended by its own statement, its job is replaced by the other',
  async (claimer) => {
    const id = await createBy.today()
    const held = await claimBy[claimer](id)
    expect(await (claimer === 'today' ? store.renew(held, 10_000) : earlier.renew(held))).toBe(true)
    await expireLease(sql, id)
    await makeDue(sql, id)
    const lost =
      claimer === 'today'
        ? await earlier.takeLost()
        : (await store.takeLost({ limit: 100, queuedAgeMs: 0, processingAgeMs: 0, actor: 'reconciler' })).map(
            ({ paymentId }) => paymentId,
          )
    expect(lost).toContain(id)
    await expectWhole(id)
  },
)
