import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { paymentOf } from '../src/kill-log.ts'
import { MOVEMENT_OUTCOMES, type MovementOutcome } from './support/outcomes.ts'
import { openScenario, type Scenario } from './support/scenario.ts'

const cache = mkdtempSync(join(tmpdir(), 'titan-chaos-cache-'))
afterAll(() => rmSync(cache, { recursive: true, force: true }))

const MAX_ROUNDS = 10

describe.concurrent(
  'for every answer to a refund, capture or void, a worker that is killed',
  { timeout: 300_000 },
  () => {
    // SIGKILL at each step of a refund, capture or void, for each answer of the gateway: done once, or not at all
    test.for([
      ['relay.enqueuing', 'relay.enqueued'],
      ['queue.read', 'queue.reclaimed'],
      ['payments.claimed'],
      ['payments.settling'],
      ['payments.settled'],
    ])('at %s', async (steps, { expect: check, onTestFinished }) => {
      const scenario = await openScenario(cache)
      onTestFinished(() => scenario.close())
      // A kill takes with it what passes the same step at that moment: such movements have their turn in a further round.
      let missing = MOVEMENT_OUTCOMES
      for (let round = 0; round < MAX_ROUNDS && missing.length > 0; round++) {
        const outcomes = missing
        const ids = await scenario.createMovements(outcomes)
        await scenario.workToTheEnd(steps)
        await expectRight(scenario, ids, outcomes)
        missing = outcomes.filter((_outcome, at) =>
          steps.some((step) => !killedAt(scenario, step).has(ids[at] ?? '')),
        )
      }
      check(missing).toEqual([])
    })
  },
)

/** Whatever died, each movement is where the gateway's answer belongs, done once at most, and every rule holds. */
async function expectRight(
  { store, ledger, verify }: Scenario,
  ids: readonly string[],
  outcomes: readonly MovementOutcome[],
): Promise<void> {
  const { movements, mismatches } = await ledger()
  const seen = await Promise.all(
    outcomes.map(async ({ kind, behaviour }, at) => {
      const movement = await store.movement(ids[at] ?? '')
      const payment = await store.get(movement?.paymentId ?? '')
      const done = movements.filter(
        (one) => one.kind === kind && one.payment === payment?.id && one.status === 'succeeded',
      )
      return {
        kind,
        behaviour,
        status: movement?.status,
        review: movement?.needsReview,
        done: done.length,
        // A poll that the gateway did not answer in time leaves that to the next one.
        payment:
          payment?.waitsFor === 'capture' && movement?.status === 'FAILED' ? 'FAILED' : payment?.status,
      }
    }),
  )
  expect(seen).toEqual(
    outcomes.map(({ kind, behaviour, status, review = false, isDone }) => ({
      kind,
      behaviour,
      status,
      review,
      done: Number(isDone),
      payment: paymentAfter({ kind, status, isDone }),
    })),
  )
  expect(mismatches).toBe(0)
  const findings = await verify()
  expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
}

/** What becomes of the payment: a capture that the bank refused has lost the authorization with it. */
function paymentAfter({ kind, status, isDone }: Pick<MovementOutcome, 'kind' | 'status' | 'isDone'>): string {
  if (kind === 'refund') return 'SUCCESS'
  if (isDone) return kind === 'capture' ? 'SUCCESS' : 'FAILED'
  return status === 'FAILED' ? 'FAILED' : 'PROCESSING'
}

/** The payments and movements for which a worker was killed at a step. */
function killedAt(scenario: Scenario, step: string): Set<string> {
  const kills = scenario.kills().filter((kill) => kill.step === step)
  return new Set(kills.flatMap(({ ids }) => ids.map(paymentOf)))
}
