import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPaymentHandler, createPaymentStore, createSimulatedGateway } from '../src/index.ts'
import type { Claim, Gateway, PaymentHandler, SimulatedBehaviour, SimulatedGateway } from '../src/index.ts'
import { chargeOf } from '../src/flow/requests.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { findBreaches } from './support/ledger.ts'
import { createPayment, expireLease, makeDue, read } from './support/payments.ts'
import { settlementOf, successOf } from './support/settlements.ts'
import { fold } from './support/history.ts'

const { sql } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const policy = { maxRetries: 3, retrySoftDeclines: true, maxResolves: 4, maxTakeovers: 4 }

/** What can happen to a payment, in any order. */
type Step =
  /** A job runs to its end. */
  | { readonly do: 'pay'; readonly behaviour: SimulatedBehaviour }
  /** A worker claims and is paused before it sends. */
  | { readonly do: 'pause'; readonly behaviour: SimulatedBehaviour }
  /** The longest-paused worker wakes: it sends although its lease is over, and writes what it gets. */
  | { readonly do: 'wake' }
  /** A worker claims and dies. */
  | { readonly do: 'die' }
  | { readonly do: 'expire' }
  | { readonly do: 'wait' }
  | { readonly do: 'cancel' }
  | { readonly do: 'requeue' }
  | { readonly do: 'retryReview' }

const behaviours = fc.constantFrom<SimulatedBehaviour>(
  'succeed',
  'transient',
  'soft_decline',
  'hard_decline',
  'unknown_after_charge',
  'unknown_before_charge',
  'pending',
)
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pay' as const), behaviour: behaviours }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const), behaviour: behaviours }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('wake', 'die', 'expire', 'cancel', 'requeue', 'retryReview'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('wait', 'expire') }) },
)

interface World {
  readonly id: string
  readonly gateway: SimulatedGateway
  /** What the next new key meets. */
  behaviour: SimulatedBehaviour
  readonly paused: Claim[]
  readonly handle: PaymentHandler
}

const options = { owner: 'w2', leaseMs: 60_000, gateway: 'simulated' }

const act: {
  readonly [Name in Step['do']]: (world: World, step: Extract<Step, { do: Name }>) => Promise<unknown>
} = {
  async pay(world, { behaviour }) {
    world.behaviour = behaviour
    const job = { id: world.id, data: { payment_id: world.id } }
    // What it throws is for the queue.
    await world.handle(job, { signal: new AbortController().signal }).catch(() => {})
  },
  async pause(world, { behaviour }) {
    world.behaviour = behaviour
    const answer = await store.claim(world.id, options)
    if (answer.kind === 'claimed') world.paused.push(answer.claim)
  },
  async wake(world) {
    const claim = world.paused.shift()
    if (claim === undefined) return
    const outcome = await world.gateway.charge(chargeOf(claim) ?? claim, {
      signal: new AbortController().signal,
    })
    await store.settle(settlementOf(claim, outcome, policy))
  },
  die: (world) => store.claim(world.id, options),
  expire: (world) => expireLease(sql, world.id),
  wait: (world) => makeDue(sql, world.id),
  cancel: (world) => store.cancel(world.id, { actor: 'api', reason: 'model' }),
  requeue: () => store.takeLost({ limit: 10, queuedAgeMs: 0, processingAgeMs: 0, actor: 'reconciler' }),
  retryReview: (world) => store.decideReview(world.id, { to: 'RETRY', operator: 'ada', note: 'model' }),
}

async function createWorld(): Promise<World> {
  const { id } = await createPayment(store)
  const world: Pick<World, 'behaviour'> = { behaviour: 'succeed' }
  const gateway = createSimulatedGateway({ delayMs: 0, script: () => world.behaviour })
  const handle = createPaymentHandler({ store, gateway, policy, worker: 'w1' })
  return Object.assign(world, { id, gateway, paused: [], handle })
}

function run(world: World, step: Step): Promise<unknown> {
  // One function per kind of step, so the pair always fits.
  return (act[step.do] as (world: World, step: Step) => Promise<unknown>)(world, step)
}

/** Takes the payment to its end as time and the reconciler would; the gateway is well again. */
async function heal(world: World): Promise<void> {
  while (world.paused.length > 0) await run(world, { do: 'wake' })
  for (let round = 0; round < 12; round++) {
    const { status, needsReview } = await read(store, world.id)
    if (status === 'SUCCESS' || status === 'FAILED') return
    if (needsReview) await run(world, { do: 'retryReview' })
    await expireLease(sql, world.id)
    await makeDue(sql, world.id)
    await run(world, { do: 'pay', behaviour: 'succeed' })
  }
}

test(
  // F75 random sequences of everything: all invariants, and a seed that repeats it
  'whatever happens in whatever order, a payment is charged at most once and ends with the truth',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 14 }), async (script) => {
        const world = await createWorld()
        let before = await read(store, world.id)
        for (const step of script) {
          await run(world, step)
          const after = await read(store, world.id)
          expect(after.fence).toBeGreaterThanOrEqual(before.fence)
          if (before.status === 'SUCCESS' || before.status === 'FAILED') expect(after).toEqual(before)
          expect(fold(await store.events(world.id))).toEqual({ ok: true, status: after.status })
          before = after
        }
        await heal(world)
        const end = await read(store, world.id)
        expect(['SUCCESS', 'FAILED']).toContain(end.status)
        expect(world.gateway.mismatches).toBe(0)
        expect(await findBreaches(sql, store, world.gateway.ledger, world.id)).toEqual([])
      }),
      { numRuns: 60 },
    )
  },
)

test('the oracle finds a second charge', async () => {
  const gateway = createSimulatedGateway({ delayMs: 0 })
  const { id } = await createPayment(store)
  const claim = await store.claim(id, options)
  if (claim.kind !== 'claimed') throw new Error('not claimed')
  const signal = new AbortController().signal
  const forgetful: Gateway = gateway
  await forgetful.charge({ ...claim.claim, gatewayKey: 'another key' }, { signal })
  await forgetful.charge(claim.claim, { signal })
  await store.settle(settlementOf(claim.claim, successOf(claim.claim)))
  expect(await findBreaches(sql, store, gateway.ledger, id)).toEqual([
    expect.stringContaining('was charged 2 times'),
    expect.stringContaining('the ledger says'),
  ])
})
