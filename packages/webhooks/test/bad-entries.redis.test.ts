import { eventually } from '@titan/testkit'
import { createQueue } from '@titan/queue-core'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { WEBHOOKS_QUEUE, type WebhookJobs } from '../src/index.ts'
import { countDeliveries } from './support/deliveries.ts'
import { paidPayment } from './support/payments.ts'
import { startReceiver } from './support/receiver.ts'
import { openRig } from './support/rig.ts'

const PATIENT = { timeoutMs: 120_000, intervalMs: 50 }

const rig = await openRig()
const { redis, payments, webhooks, prefix } = rig
const queue = createQueue<WebhookJobs>(redis, WEBHOOKS_QUEUE, { prefix })
afterAll(() => queue.close())

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '\0', 'n', 'd', 'm', 'deliver', '__proto__', '1e999', 'null', '[]', '5', '{'),
  fc.nat({ max: 50_000 }).map((length) => 'x'.repeat(length)),
)
const anyNumber = fc.oneof(
  fc.constantFrom<unknown>(1, 2, 3, 0, -1, 0.5, 2 ** 31, 2 ** 53, 1e308, '1', null),
  fc.jsonValue({ maxDepth: 1 }),
)
/** What a `deliver` job may hold: handings-over that exist, that do not, and none at all. */
const anyData = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ delivery_id: anyNumber, dispatch_no: anyNumber }, { requiredKeys: [] })
      .map((data) => JSON.stringify(data)),
  },
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
  anyText,
)
/** No limit of tries or time: a job that is given many is not over for long. */
const anyMeta = fc.oneof(
  fc.constant('{}'),
  fc
    .dictionary(
      fc.constantFrom('id', 'dedupe', 'failures', 'crashes', 'history', 'traceparent', 'unknown'),
      fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(-1, 0, 1e308, 'x')),
      { maxKeys: 3 },
    )
    .map((meta) => JSON.stringify(meta)),
  anyText,
)
const anyEntry = fc.tuple(
  fc.constantFrom('jobs', 'jobs:high', 'jobs:low'),
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(anyData, anyMeta).map(([data, meta]) => ['n', 'deliver', 'd', data, 'm', meta]),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 4 })
        .map((pairs) => pairs.flat()),
    },
  ),
)

test(
  // F31
  'webhooks are delivered beside forged jobs, and what names no delivery ends as a dead letter',
  { timeout: 300_000 },
  async () => {
    const receiver = await startReceiver()
    const endpoint = await rig.addEndpoint(receiver)
    const sender = await rig.startSender()
    let paid = 0
    let forged = 0
    await fc.assert(
      fc.asyncProperty(fc.array(anyEntry, { minLength: 5, maxLength: 20 }), async (entries) => {
        await Promise.all(
          entries.map(([stream, fields]) =>
            redis.sendCommand(['XADD', `${prefix}:{${WEBHOOKS_QUEUE}}:${stream}`, '*', ...fields]),
          ),
        )
        forged += entries.length
        await paidPayment(payments)
        paid++
        sender.nudge()
      }),
      // Nothing is expected of a single run, so there is nothing to shrink.
      { seed: 1_966, numRuns: 40, interruptAfterTimeLimit: 10_000, endOnFailure: true },
    )

    await eventually(async () => {
      expect(await countDeliveries(webhooks, endpoint.id, 'DELIVERED')).toBe(paid)
      expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, delayed: 0, parked: 0 })
    }, PATIENT)
    // Each one once: a job that was forged for a handing-over under way may send it a second time.
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(paid)
    expect(sender.events.filter(({ type }) => type === 'error')).toEqual([])
    const letters = await queue.deadLetters({ count: forged })
    const reasons = letters.map(({ error }) => error)
    expect(reasons.some((reason) => JSON.stringify(reason).includes('names no delivery'))).toBe(true)
  },
)
