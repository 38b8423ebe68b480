import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { expect } from 'vitest'
import { createQueue, type Queue } from '../src/index.ts'
import { shareConnection } from '../src/redis/connection.ts'
import { keysOf } from '../src/redis/keys.ts'
import { LEVELS, type Level } from '../src/model/levels.ts'
import { createDriver, type Driver } from './support/model-driver.ts'
import { createModel, type Handle, type Model, type Spec, type Verb } from './support/model.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

/** `MODEL_SEED` repeats a run, `MODEL_RUNS` makes a longer one. */
const seed = Number(process.env['MODEL_SEED'] ?? randomInt(2 ** 31 - 1))
const numRuns = Number(process.env['MODEL_RUNS'] ?? 50)
const CONSUMERS = ['w1', 'w2', 'w3']

type Step = fc.AsyncCommand<Model, Driver>

function step(name: string, run: (model: Model, driver: Driver) => Promise<void>): Step {
  return {
    check: () => true,
    async run(model, driver) {
      await run(model, driver)
      await driver.compare(model)
    },
    toString: () => name,
  }
}

/** One of a list that is not known before the step is run. */
const pick = <Item>(items: readonly Item[], choice: number): Item | undefined =>
  items.length === 0 ? undefined : items[choice % items.length]

const anyChoice = fc.nat(1_000)
const anyConsumer = fc.constantFrom(...CONSUMERS)
const anyCount = fc.integer({ min: 1, max: 6 })
const anyVerb = fc.constantFrom<Verb>('ack', 'ack', 'retryNow', 'retryLater', 'dead', 'release')
const anySpec: fc.Arbitrary<Spec> = fc.record({
  level: fc.constantFrom<Level>(...LEVELS),
  id: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { nil: undefined }),
  key: fc.option(fc.constantFrom('k', 'k"', 'l'), { nil: undefined }),
  when: fc.constantFrom('now', 'now', 'now', 'past', 'future'),
})

/** Leases of one consumer, current and lost ones, none twice. */
function chooseHandles(model: Model, consumer: string, choices: readonly number[]): Handle[] {
  const own = model.handles.filter((handle) => handle.consumer === consumer)
  // The last ones are the likeliest to be held still.
  const recent = own.slice(-8)
  return [...new Set(choices.flatMap((choice) => pick(recent, choice) ?? []))]
}

const anyEnqueue = anySpec.map((spec) =>
  step(`enqueue ${JSON.stringify(spec)}`, (model, driver) => driver.enqueue(model, spec)),
)

const anyClaim = fc
  .tuple(anyConsumer, fc.constantFrom<Level>(...LEVELS), anyCount)
  .map(([consumer, level, count]) =>
    step(`${consumer} claims ${count} of ${level}`, (model, driver) =>
      driver.claim(model, consumer, level, count),
    ),
  )

const anySettle = fc
  .tuple(anyConsumer, fc.array(fc.tuple(anyChoice, anyVerb), { minLength: 1, maxLength: 5 }))
  .map(([consumer, choices]) =>
    step(`${consumer} settles ${JSON.stringify(choices)}`, (model, driver) => {
      const handles = chooseHandles(
        model,
        consumer,
        choices.map(([choice]) => choice),
      )
      return driver.settle(
        model,
        handles.map((handle, index) => [handle, choices[index]?.[1] ?? 'ack'] as const),
      )
    }),
  )

const anyTakeOver = fc
  .tuple(anyConsumer, anyCount, fc.boolean())
  .map(([consumer, count, lapsed]) =>
    step(`${consumer} takes over ${count}${lapsed ? ', of the dead too' : ''}`, (model, driver) =>
      driver.takeOver(model, consumer, count, lapsed),
    ),
  )

const anyRenew = fc
  .tuple(anyConsumer, fc.array(anyChoice, { minLength: 1, maxLength: 5 }))
  .map(([consumer, choices]) =>
    step(`${consumer} renews ${JSON.stringify(choices)}`, (model, driver) =>
      driver.renew(model, chooseHandles(model, consumer, choices)),
    ),
  )

const anyCancel = anyChoice.map((choice) =>
  step(`cancel ${choice}`, async (model, driver) => {
    const job = pick(model.jobs, choice)
    if (job !== undefined) await driver.cancel(model, job)
  }),
)

const anyReschedule = fc
  .tuple(anyChoice, fc.constantFrom('past' as const, 'future' as const))
  .map(([choice, when]) =>
    step(`reschedule ${choice} to the ${when}`, async (model, driver) => {
      const job = pick(model.jobs, choice)
      if (job !== undefined) await driver.reschedule(model, job, when)
    }),
  )

const anyPause = fc
  .boolean()
  .map((paused) => step(paused ? 'pause' : 'resume', (model, driver) => driver.setPaused(model, paused)))

const promote = fc.constant(step('promote', (model, driver) => driver.promote(model)))
const redrive = fc.constant(step('redrive', (model, driver) => driver.redrive(model)))

// What is named more than once comes more often.
const anyStep: fc.Arbitrary<Step>[] = [
  anyEnqueue,
  anyEnqueue,
  anyEnqueue,
  anyEnqueue,
  anyClaim,
  anyClaim,
  anyClaim,
  anySettle,
  anySettle,
  anySettle,
  anyTakeOver,
  anyTakeOver,
  anyRenew,
  anyCancel,
  anyReschedule,
  anyReschedule,
  anyPause,
  promote,
  promote,
  redrive,
]

/** Brings every job to its end, and checks that it comes to one. */
async function drain(model: Model, driver: Driver): Promise<void> {
  await driver.setPaused(model, false)
  await driver.redrive(model)
  for (let round = 0; model.count('ready', 'released', 'leased', 'delayed', 'parked') > 0; round++) {
    expect(round, 'rounds until nothing is left').toBeLessThan(1_000)
    for (const job of model.jobs.filter(({ state }) => state === 'delayed'))
      await driver.reschedule(model, job, 'past')
    await driver.promote(model)
    for (const level of LEVELS) await driver.claim(model, 'last', level, 100)
    await driver.takeOver(model, 'last', 100, true)
    const handles = model.handles.filter((handle) => handle.consumer === 'last' && model.isHeld(handle))
    await driver.settle(
      model,
      handles.map((handle) => [handle, 'ack'] as const),
    )
  }
  await driver.compare(model)
}

async function expectOnlyMarksLeft({ send, keys }: Place, queue: Queue<TestJobs>): Promise<void> {
  const letters = await queue.deadLetters({ count: 1_000 })
  await queue.deleteDeadLetters(letters.map(({ letterId }) => letterId))
  const left = await send<string[]>('KEYS', `${keys.base.replace(/[{}]/g, '?')}:*`)
  for (const key of left) {
    const name = key.slice(keys.base.length + 1)
    if (name === 'sequence' || name === 'control' || name.startsWith('processed:')) continue
    // What else there is are streams, and they are empty.
    expect([name, await send('XLEN', key)]).toEqual([name, 0])
  }
  for (const stream of keys.streams) expect((await send<unknown[]>('XPENDING', stream, 'workers'))[0]).toBe(0)
}

test(
  // F75
  `whatever is done in whatever order, every job is in one place and ends once (seed ${seed})`,
  { timeout: 60_000 + numRuns * 1_000 },
  async ({ place }) => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.commands(anyStep, { maxCommands: 150, size: 'max' }), async (steps) => {
        const name = `model-${++run}`
        const keys = keysOf(place.prefix, name)
        const queue = createQueue<TestJobs>(place.redis, name, { prefix: place.prefix })
        const own: Place = {
          ...place,
          keys,
          part: { keys, connection: shareConnection(place.redis, keys.dlq) },
        }
        const model = createModel()
        const driver = await createDriver(own, queue)
        await fc.asyncModelRun(() => ({ model, real: driver }), steps)
        await drain(model, driver)
        await expectOnlyMarksLeft(own, queue)
        await queue.close()
      }),
      { seed, numRuns },
    )
  },
)
