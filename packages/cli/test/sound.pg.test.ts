import { createTestDatabase } from '@titan/testkit'
import {
  applyOutcome,
  createPaymentHandler,
  createPaymentStore,
  migrate,
  openDatabase,
  type ChargeOutcome,
  type ChargeRequest,
  type Gateway,
} from '@titan/payments'
import fc from 'fast-check'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { verify } from '../src/index.ts'
import { answerOf, checks, type Check } from './support/checks.ts'

const database = await createTestDatabase(inject('databaseUrl'))
const sql = openDatabase(database.url, { poolSize: 3 })
await migrate(sql)
const store = createPaymentStore(sql)
afterAll(async () => {
  await sql.end({ timeout: 1 })
  await database.drop()
})

const POLICY = { maxRetries: 2, retrySoftDeclines: true, maxResolves: 2, maxTakeovers: 2 }
const NAME = 'model'
const AMOUNT = 500

/** What the gateway answers to the next request. */
const ANSWERS = {
  success: (request) => charged(request, request.amount),
  otherAmount: (request) => charged(request, request.amount - 1),
  hardDecline: (request) => unlessCharged(request, { type: 'DECLINED', code: 'stolen_card', kind: 'hard' }),
  softDecline: (request) =>
    unlessCharged(request, { type: 'DECLINED', code: 'insufficient_funds', kind: 'soft' }),
  refusal: (request) =>
    unlessCharged(request, {
      type: 'REJECTED',
      code: 'missing',
      reason: 'payment_method',
      fault: 'config',
      isReplay: true,
    }),
  badPayment: (request) =>
    unlessCharged(request, {
      type: 'REJECTED',
      code: 'amount',
      reason: 'too small',
      fault: 'payment',
      isReplay: true,
    }),
  notSent: () => ({ type: 'NOT_SENT', reason: 'ECONNREFUSED' }),
  throttled: () => ({ type: 'NOT_SENT', reason: '429', fault: 'throttled' }),
  unknown: () => ({ type: 'UNKNOWN', reason: 'timeout' }),
  pending: () => ({ type: 'PENDING', gatewayRef: 'pi_pending' }),
} satisfies Record<string, (request: ChargeRequest) => ChargeOutcome>
type Answer = keyof typeof ANSWERS

/** What was charged under each key. */
const charges = new Map<string, number>()

/** One key, one charge of one amount; its id is a function of the key. */
function charged({ gatewayKey, currency }: ChargeRequest, wanted: number): ChargeOutcome {
  const amount = charges.get(gatewayKey) ?? wanted
  charges.set(gatewayKey, amount)
  return { type: 'SUCCEEDED', gatewayRef: `pi_${gatewayKey}`, amount, currency }
}

/** A key that was charged is refused no more; a charge after a decline is another matter. */
function unlessCharged(request: ChargeRequest, outcome: ChargeOutcome): ChargeOutcome {
  return charges.has(request.gatewayKey) ? charged(request, request.amount) : outcome
}

/** What can happen to a payment, in any order. */
type Step =
  | { readonly do: 'pay' | 'late'; readonly answer: Answer }
  | { readonly do: 'check'; readonly check: Check }
  /** The gateway reports on the current attempt, the one before, or one that a restored database does not know. */
  | { readonly do: 'report'; readonly answer: Answer; readonly attempt: -1 | 0 | 1 }
  | { readonly do: 'decide'; readonly to: 'SUCCESS' | 'FAILED' | 'RETRY' }
  | { readonly do: 'claim' | 'expire' | 'wait' | 'relay' | 'requeue' | 'cancel' | 'refund' | 'renew' }

const answers = fc.constantFrom(...(Object.keys(ANSWERS) as Answer[]))
const scripts: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constantFrom('pay' as const, 'late' as const), answer: answers }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('check' as const), check: checks }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('report' as const),
        answer: fc.constantFrom<Answer>('success', 'otherAmount', 'hardDecline', 'softDecline'),
        attempt: fc.constantFrom(-1 as const, 0 as const, 1 as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('decide' as const),
        to: fc.constantFrom('SUCCESS' as const, 'FAILED' as const, 'RETRY' as const),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'claim',
          'expire',
          'wait',
          'wait',
          'relay',
          'requeue',
          'cancel',
          'refund',
          'renew',
        ),
      }),
    },
  ),
  { minLength: 1, maxLength: 24 },
)

interface World {
  readonly id: string
  answer: Answer
  check: Check
  readonly gateway: Gateway
}

let keys = 0

async function createWorld(): Promise<World> {
  const created = await store.create({ amount: AMOUNT, idempotencyKey: `sound-${++keys}` })
  if (created.kind !== 'created') throw new Error(created.kind)
  const world = {
    id: created.payment.id,
    answer: 'success' as Answer,
    check: 'allow' as Check,
    gateway: {
      name: NAME,
      keyTtlMs: 86_400_000,
      charge: async (request: ChargeRequest) => ANSWERS[world.answer](request),
    },
  }
  return world
}

/** A worker runs the job of a payment to its end. */
async function pay({ id, gateway, check }: World): Promise<void> {
  const options = { store, gateway, beforeCharge: () => answerOf(check), policy: POLICY }
  const handle = createPaymentHandler({ ...options, worker: 'w1', random: () => 0 })
  // What it throws is for the queue.
  await handle({ id, data: { payment_id: id } }, { signal: new AbortController().signal }).catch(
    () => undefined,
  )
}

function makeDue({ id }: World): Promise<unknown> {
  return sql`
    update payments set next_run_at = clock_timestamp() - interval '1 ms'
     where id = ${id} and status not in ('SUCCESS', 'FAILED')`
}

function expire({ id }: World): Promise<unknown> {
  return sql`
    update payments set lease_until = clock_timestamp() - interval '1 ms' where id = ${id} and lease_until is not null`
}

async function report(world: World, step: Extract<Step, { do: 'report' }>): Promise<void> {
  const { id } = world
  const attemptNo = Math.max(1, ((await store.get(id))?.attemptNo ?? 0) + step.attempt)
  const request = {
    paymentId: id,
    attemptNo,
    gatewayKey: `titan_${id}_${attemptNo}`,
    amount: AMOUNT,
    currency: 'USD',
  }
  const outcome = ANSWERS[step.answer](request)
  await applyOutcome(
    { paymentId: id, attemptNo, gateway: NAME, outcome, actor: 'webhook:model' },
    { store, policy: POLICY },
  )
}

interface KnownCharge {
  readonly kind: string
  readonly reference: string
  readonly refund_ref: string | null
  readonly amount: number
}

/** An operator decides as the books say: a charge on record is the payment's own, or was refunded before. */
async function decide({ id }: World, { to }: Extract<Step, { do: 'decide' }>): Promise<void> {
  const payment = await store.get(id)
  const known = await sql<KnownCharge[]>`
    select kind, reference, refund_ref, coalesce(detail ->> 'charged_amount', detail ->> 'amount')::float8 as amount
      from reconciliation_breaks where payment_id = ${id}`
  const kept = known.filter((charge) => charge.refund_ref === null)
  const gatewayRef = payment?.lateChargeRef ?? payment?.gatewayRef ?? `pi_titan_${id}_${payment?.attemptNo}`
  const isOwn = !known.some(
    (charge) => charge.reference === gatewayRef && (charge.refund_ref !== null || charge.amount !== AMOUNT),
  )
  if (to !== 'SUCCESS' && kept.length > 0) return
  if (to === 'SUCCESS' && (!isOwn || kept.some(({ kind }) => kind.endsWith('_mismatch')))) return
  const decision = { to, operator: 'ann', note: 'as the gateway’s books say' }
  await store.decideReview(id, to === 'SUCCESS' ? { ...decision, gatewayRef } : decision)
}

async function refund({ id }: World): Promise<void> {
  const [open] = (await store.breaks(id)).filter(({ resolvedAt }) => resolvedAt === null)
  if (open === undefined) return
  const evidence = { refundRef: `re_${open.reference}`, operator: 'ann', note: 'refunded' }
  await store.recordRefund(id, { gatewayRef: open.reference, ...evidence })
}

const act: {
  readonly [Name in Step['do']]: (world: World, step: Extract<Step, { do: Name }>) => Promise<unknown>
} = {
  pay(world, { answer }) {
    world.answer = answer
    return pay(world)
  },
  // The next key meets this answer, whoever sends it.
  late(world, { answer }) {
    world.answer = answer
    return makeDue(world)
  },
  async check(world, { check }) {
    world.check = check
  },
  report,
  decide,
  refund,
  claim: ({ id }) => store.claim(id, { owner: 'w2', leaseMs: 60_000, gateway: NAME }),
  expire,
  async wait(world) {
    await makeDue(world)
    await pay(world)
  },
  relay: ({ id }) => store.markQueued([id], 'relay'),
  requeue: () => store.takeLost({ limit: 10, queuedAgeMs: 0, processingAgeMs: 0, actor: 'reconciler' }),
  cancel: ({ id }) => store.cancel(id, { actor: 'api', reason: 'asked to' }),
  renew: async ({ id }) => store.renew({ paymentId: id, fence: (await store.get(id))?.fence ?? 0 }, 60_000),
}

function run(world: World, step: Step): Promise<unknown> {
  // One function per kind of step, so the pair always fits.
  return (act[step.do] as (world: World, step: Step) => Promise<unknown>)(world, step)
}

/** A history that is wrong would fail every later one. */
async function forgetAll(): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`set local session_replication_role = replica`
    await transaction`truncate disputes, payments, payment_details, payment_attempts, payment_event_rows, reconciliation_breaks`
  })
}

async function findWrong(): Promise<unknown[]> {
  const findings = await verify({ sql, maxRetries: POLICY.maxRetries })
  return findings.flatMap(({ name, breaches }) => breaches.map((breach) => ({ name, ...breach })))
}

/** A payment on which the script has run. */
async function play(script: readonly Step[]): Promise<World> {
  const world = await createWorld()
  for (const step of script) await run(world, step)
  return world
}

describe('titan verify reports no sound history:', () => {
  // F162 workers, webhooks, operators, refunds and late charges in random order: `titan verify` passes after
  //  each history
  it('whatever happens to payments in whatever order', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(scripts, { minLength: 1, maxLength: 4 }), async (several) => {
        await forgetAll()
        for (const script of several) await play(script)
        expect(await findWrong()).toEqual([])
      }),
      { numRuns: Number(process.env['SOUND_RUNS'] ?? 40), endOnFailure: false },
    )
  })

  // F161 the gateway refuses our own request three times, then charges; a restored database hears of a charge
  //  before any attempt, and it is refunded or accepted: `titan verify` passes
  it('a payment that the gateway refused for our own request three times, then charged once', async () => {
    const wait = { do: 'late', answer: 'refusal' } as const
    const refused = { do: 'pay', answer: 'refusal' } as const
    const { id } = await play([refused, wait, refused, wait, refused, wait, { do: 'pay', answer: 'success' }])
    expect(await store.get(id)).toMatchObject({ status: 'SUCCESS', attemptNo: 4, retries: 0 })
    expect(await findWrong()).toEqual([])
  })

  it('a payment that the hook held and an operator let go, that failed to be checked, and then was declined', async () => {
    const wait = { do: 'wait' } as const
    const { id } = await play([
      { do: 'check', check: 'hold' },
      wait,
      { do: 'decide', to: 'RETRY' },
      { do: 'check', check: 'fail' },
      wait,
      wait,
      wait,
      { do: 'check', check: 'decline' },
      wait,
    ])
    expect(await store.get(id)).toMatchObject({ status: 'FAILED', failureCode: 'high_risk', retries: 0 })
    expect(await findWrong()).toEqual([])
  })

  // F161
  it('a payment of a restored database whose charge came to light before any attempt, and was refunded', async () => {
    const { id } = await play([{ do: 'report', answer: 'success', attempt: 1 }, { do: 'refund' }])
    expect(await store.get(id)).toMatchObject({ status: 'FAILED', failureKind: 'operator', attemptNo: 0 })
    expect(await findWrong()).toEqual([])
  })

  // F161
  it('a payment of a restored database whose charge came to light before any attempt, and was accepted', async () => {
    const { id } = await play([
      { do: 'relay' },
      { do: 'report', answer: 'success', attempt: 1 },
      { do: 'decide', to: 'SUCCESS' },
    ])
    expect(await store.get(id)).toMatchObject({ status: 'SUCCESS', attemptNo: 0 })
    expect(await findWrong()).toEqual([])
  })
})
