import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { paymentOf } from '../src/kill-log.ts'
import { MOVEMENT_OUTCOMES, type MovementOutcome } from './support/outcomes.ts'
import { ROWS } from './support/rows.ts'
import { openScenario, type Scenario } from './support/scenario.ts'

const cache = mkdtempSync(join(tmpdir(), 'titan-chaos-cache-'))
afterAll(() => rmSync(cache, { recursive: true, force: true }))

const MAX_ROUNDS = 10

describe.concurrent(
  'for every answer to a refund, capture or void, a worker that is killed',
  { timeout: 300_000 },
  () => {
    // SIGKILL at each step of a refund, capture or void, for each answer of the gateway: done once, or not at all
    test.for(ROWS)(
      'at $steps, with a second gateway: $hasSecond',
      async ({ steps, hasSecond }, { expect: check, onTestFinished }) => {
        const scenario = await openScenario(cache, hasSecond)
        onTestFinished(() => scenario.close())
        // A kill takes with it what passes the same step at that moment: such movements have their turn in a further round.
        let missing = MOVEMENT_OUTCOMES
        for (let round = 0; round < MAX_ROUNDS && missing.length > 0; round++) {
          const outcomes = missing
          const ids = await scenario.createMovements(outcomes)
          await scenario.workToTheEnd(steps)
          const places = await expectRight(scenario, ids, outcomes)
          // Where the answer about the charge came too late, it was charged at the first gateway.
          missing = outcomes.filter(
            (_outcome, at) =>
              places[at] !== scenario.gateways.at(-1)?.name ||
              steps.some((step) => !killedAt(scenario, step).has(ids[at] ?? '')),
          )
        }
        check(missing).toEqual([])
      },
    )
  },
)

/**
 * Whatever died, each movement is where the gateway's answer belongs, done once at most, by the gateway of its charge alone, and
 * every rule holds. Answers the names of those gateways.
 */
async function expectRight(
  { store, gateways, verify }: Scenario,
  ids: readonly string[],
  outcomes: readonly MovementOutcome[],
): Promise<(string | null | undefined)[]> {
  const ledgers = await Promise.all(gateways.map(({ ledger }) => ledger()))
  const movements = ledgers.flatMap((ledger, at) =>
    ledger.movements.map((movement) => ({ ...movement, gateway: gateways[at]?.name })),
  )
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
        place: payment?.gateway,
        done: done.map(({ gateway }) => gateway),
        // A poll that the gateway did not answer in time leaves that to the next one.
        payment:
          payment?.waitsFor === 'capture' && movement?.status === 'FAILED' ? 'FAILED' : payment?.status,
      }
    }),
  )
  expect(seen).toEqual(
    outcomes.map(({ kind, behaviour, status, review = false, isDone }, at) => ({
      kind,
      behaviour,
      status,
      review,
      place: seen[at]?.place,
      done: isDone ? [seen[at]?.place] : [],
      payment: paymentAfter({ kind, status, isDone }),
    })),
  )
  expect(ledgers.map(({ mismatches }) => mismatches)).toEqual(gateways.map(() => 0))
  const findings = await verify()
  expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
  return seen.map(({ place }) => place)
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
