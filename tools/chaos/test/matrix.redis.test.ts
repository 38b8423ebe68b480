import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PaymentAttempt } from '@titan/payments'
import { eventually } from '@titan/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import { paymentOf } from '../src/kill-log.ts'
import { OUTCOMES, type Outcome } from './support/outcomes.ts'
import { ROWS } from './support/rows.ts'
import { ALL, amountOf, openScenario, PATIENT, type Scenario } from './support/scenario.ts'

/** Steps of a payment that leaves its gateway, in their order: from the moment that the next one is chosen to its answer. */
const ON_THE_WAY = [
  'payments.settled',
  // The job is the dead worker's, so it is not read again.
  'queue.reclaimed',
  'payments.claimed',
  'payments.settling',
  'payments.settled',
] as const

const PATIENT_TEST = { timeout: 300_000 }

const cache = mkdtempSync(join(tmpdir(), 'titan-chaos-cache-'))
afterAll(() => rmSync(cache, { recursive: true, force: true }))

describe.concurrent('for every outcome of the gateway, a worker that is killed', PATIENT_TEST, () => {
  // F36 SIGKILL at each step, for each outcome of the gateway: each payment right, charged once at most
  // F46, F47, F48, F52, F55
  test.for(ROWS)(
    'at $steps, with a second gateway: $hasSecond',
    async (row, { expect: check, onTestFinished }) => {
      const { steps, hasSecond } = row
      const scenario = await openScenario(cache, hasSecond)
      onTestFinished(() => scenario.close())
      // A kill takes with it what passes the same step at that moment: such outcomes have their turn in a round of their own.
      let missing: readonly number[] = hasSecond ? [...OUTCOMES.keys()] : ALL
      await inRounds(async () => {
        const indexes = missing
        const ids = await scenario.createPayments(indexes)
        await scenario.workToTheEnd(steps)
        await expectRight(scenario, ids, indexes)
        missing = indexes.filter((_index, at) =>
          steps.some((step) => !killedAt(scenario, step).has(ids[at] ?? '')),
        )
        return missing.length === 0
      })
      check(missing).toEqual([])
    },
  )

  // F36
  test.for(OUTCOMES.filter(({ goesElsewhere }) => goesElsewhere))(
    'at each step on the way to the next gateway, after $name',
    async (outcome, { expect: check, onTestFinished }) => {
      const scenario = await openScenario(cache, true)
      onTestFinished(() => scenario.close())
      const indexes = [OUTCOMES.indexOf(outcome)]
      let attempts: readonly PaymentAttempt[] = []
      // After an answer that came too late the payment stays, so another one has its turn.
      await inRounds(async () => {
        const ids = await scenario.createPayments(indexes)
        for (const step of ON_THE_WAY) await scenario.killFor(step, ids)
        await scenario.workToTheEnd()
        await expectRight(scenario, ids, indexes)
        attempts = await scenario.store.attempts(ids[0] ?? '')
        return attempts.length === 2
      })
      check(attempts).toMatchObject([
        { gateway: 'stripe', takeovers: 0, gatewayKey: expect.stringMatching(/_1$/) },
        { gateway: 'second', takeovers: 2, gatewayKey: expect.stringMatching(/_2$/), outcome: 'SUCCEEDED' },
      ])
    },
  )

  // F36
  test('while the queue stores an ack, a retry and a dead letter, and when it has', async ({
    expect: check,
    onTestFinished,
  }) => {
    // What the gateway said has nothing to do with the queue any more, so once for each verb is enough.
    const steps = ['storing', 'stored'].flatMap((moment) =>
      ['ack', 'retry', 'dead'].map((verb) => `queue.${verb}.${moment}`),
    )
    const scenario = await openScenario(cache)
    onTestFinished(() => scenario.close())
    const missing = (): string[] => {
      const seen = stepsOf(scenario)
      return steps.filter((step) => !seen.has(step))
    }
    // A kill may come when the last job that passes another step has just passed it: that step has its turn in a further round.
    await inRounds(async () => {
      const ids = await scenario.createPayments()
      await scenario.workToTheEnd(missing().map((step) => `${step}@1`))
      await expectRight(scenario, ids)
      return missing().length === 0
    })
    check(missing()).toEqual([])
  })

  // F36
  test('after the relay has marked, and after the promoter has moved what was due', async ({
    onTestFinished,
  }) => {
    const scenario = await openScenario(cache)
    onTestFinished(() => scenario.close())
    const ids = await scenario.createPayments()
    await scenario.workToTheEnd(['relay.marked', 'queue.promoted@1', 'queue.release.stored'])
    await expectRight(scenario, ids)
    expect(scenario.kills().map(({ step }) => step)).toEqual(
      expect.arrayContaining(['relay.marked', 'queue.promoted']),
    )
  })

  // F36
  test('after the reconciler took payments whose job was lost, and after it enqueued them', async ({
    expect: check,
    onTestFinished,
  }) => {
    const scenario = await openScenario(cache)
    onTestFinished(() => scenario.close())
    const steps = ['reconciler.taken', 'reconciler.enqueued']
    await inRounds(async () => {
      const ids = await scenario.createPayments()
      await scenario.killFor('payments.claimed', ids)
      await scenario.wipe('jobs')
      await scenario.age()
      await scenario.workToTheEnd(steps)
      await expectRight(scenario, ids)
      return steps.every((step) => killedAt(scenario, step).size > 0)
    })
    for (const step of steps) check(killedAt(scenario, step).size, step).toBeGreaterThan(0)
  })

  // F26
  test('after the reconciler rebuilt a queue that was wiped', async ({ onTestFinished }) => {
    const scenario = await openScenario(cache)
    onTestFinished(() => scenario.close())
    const ids = await scenario.createPayments()
    await scenario.killFor('payments.claimed', ids)
    await scenario.wipe('everything')
    await scenario.workToTheEnd(['reconciler.rebuilt'])
    await expectRight(scenario, ids)
    expect(scenario.kills().map(({ step }) => step)).toContain('reconciler.rebuilt')
  })
})

test(
  // F13 SIGKILL of the API before and after the commit, and around the enqueue: one payment for each key,
  //  whatever was repeated
  'for every outcome of the gateway, an API that is killed before and after it stored, and while it relays, leaves one payment for each key',
  PATIENT_TEST,
  async ({ onTestFinished }) => {
    const scenario = await openScenario(cache)
    onTestFinished(() => scenario.close())
    // What the gateway says has nothing to do with it, so once at each step is enough: in the midst of the payments.
    const steps = [
      'payments.creating@3',
      'payments.created@3',
      'relay.enqueuing@1',
      'relay.enqueued@1',
      'relay.marked@1',
    ]
    const rounds = await inRounds(async (round) => {
      const ids = await payWhileTheApiDies(scenario, steps, round)
      await scenario.workToTheEnd()
      await expectRight(scenario, ids)
      return stepsOf(scenario).size === steps.length
    })
    const [rows] = await scenario.sql<{ count: number }[]>`select count(*)::int as count from payments`
    expect(rows?.count).toBe(rounds * ALL.length)
    expect(stepsOf(scenario)).toEqual(new Set(steps.map((step) => step.split('@')[0])))
  },
)

/** Sends each payment until it is answered 202, to an API that is started again when it died; answers their ids. */
async function payWhileTheApiDies(
  scenario: Scenario,
  killAt: readonly string[],
  round: number,
): Promise<string[]> {
  let url = ''
  let isOver = false

  async function serve(): Promise<void> {
    while (!isOver) {
      const { program, line } = await scenario.start('api', killAt)
      url = /http:\S+/.exec(line)?.[0] ?? ''
      await program.ended
    }
  }

  async function pay(index: number): Promise<string> {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ amount: amountOf(index), idempotency_key: `key-${round}-${index}` }),
    }
    return eventually(async () => {
      const answer = await fetch(`${url}/pay`, request)
      expect(answer.status).toBe(202)
      const { payment_id: id } = (await answer.json()) as { readonly payment_id: string }
      return id
    }, PATIENT)
  }

  const serving = serve()
  const ids = await Promise.all(ALL.map(pay))
  expect(await Promise.all(ALL.map(pay))).toEqual(ids)
  // Only now: its relay may bring it down after its answers.
  isOver = true
  // Its relay comes after its answers; what it does not come to, the next round does.
  await eventually(() => stepsOf(scenario).size === killAt.length, { timeoutMs: 3_000 }).catch(
    () => undefined,
  )
  await scenario.endAll()
  await serving
  return ids
}

/** Whatever died, each payment is where its gateway's answer belongs, charged once at most over all gateways, and every rule holds. */
async function expectRight(
  { store, gateways, verify }: Scenario,
  ids: readonly string[],
  indexes: readonly number[] = ALL,
): Promise<void> {
  const ledgers = await Promise.all(gateways.map(({ ledger }) => ledger()))
  const charges = ledgers.flatMap((ledger, at) =>
    ledger.charges.map(({ reference }) => ({ reference, gateway: gateways[at]?.name })),
  )
  const outcomes = OUTCOMES.filter((_outcome, index) => indexes.includes(index))
  const attempts = await Promise.all(ids.map((id) => store.attempts(id)))
  const seen = await Promise.all(
    outcomes.map(async ({ name }, at) => {
      const payment = await store.get(ids[at] ?? '')
      return {
        name,
        status: payment?.status,
        review: payment?.needsReview,
        attempts: payment?.attemptNo,
        gateway: payment?.gateway,
        charges: charges.filter(({ reference }) => reference === ids[at]).map(({ gateway }) => gateway),
      }
    }),
  )
  expect(seen).toEqual(
    outcomes.map((outcome, at) => expectedOf(outcome, gateways.length > 1 ? (attempts[at] ?? []) : [])),
  )
  expect(ledgers.map(({ mismatches }) => mismatches)).toEqual(gateways.map(() => 0))
  const findings = await verify()
  expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
  expect(findings.filter(({ verdict }) => verdict === 'PASS').length).toBeGreaterThan(10)
}

/** What must become of a payment, by its attempts where there is another gateway: the first one whose answer is certain leaves. */
function expectedOf(
  { name, status, review = false, charges, attempts = 1, goesElsewhere = false }: Outcome,
  own: readonly PaymentAttempt[],
) {
  const leaver = own.findIndex(({ takeovers, sends }) => takeovers === 0 && sends <= 1)
  return goesElsewhere && leaver !== -1
    ? { name, status: 'SUCCESS', review: false, attempts: leaver + 2, gateway: 'second', charges: ['second'] }
    : { name, status, review, attempts, gateway: 'stripe', charges: charges === 1 ? ['stripe'] : [] }
}

const MAX_ROUNDS = 10

/** Repeats a round until it was enough; answers how many there were. */
async function inRounds(round: (number: number) => Promise<boolean>): Promise<number> {
  for (let number = 1; ; number++) if ((await round(number)) || number === MAX_ROUNDS) return number
}

/** The steps at which somebody died. */
function stepsOf(scenario: Scenario): Set<string> {
  return new Set(scenario.kills().map(({ step }) => step))
}

/** The payments for which somebody died at a step. */
function killedAt(scenario: Scenario, step: string): Set<string> {
  const kills = scenario.kills().filter((kill) => kill.step === step)
  return new Set(kills.flatMap(({ ids }) => ids.map(paymentOf)))
}
