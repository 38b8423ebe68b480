import { describe, expect } from 'vitest'
import { promote } from '../src/redis/commands.ts'
import { createConsumer, type Consumer, type Lease } from '../src/index.ts'
import { fireSlot } from '../src/producer/recurring.ts'
import { test, type Place, type TestJobs } from './support/place.ts'

const DAMAGED = [
  'live',
  'ordering',
  'parked',
  'sequence',
  'delayed',
  'delayedJobs',
  'dlq',
  'control',
  'slots',
  'high',
  'default',
  'low',
] as const

function keyOf({ keys }: Place, name: string): string {
  const stream = ['high', 'default', 'low'].indexOf(name)
  return stream < 0 ? (keys[name as 'live'] ?? '') : (keys.streams[stream] ?? '')
}

/**
 * Ordering key k is held by `holder`, `parked` and `parked-low` wait for it; `delayed` will wait for it too, `later` for
 * nothing, `letter` is a dead letter of k.
 */
async function fill(place: Place, consumer: Consumer<TestJobs>): Promise<Lease<TestJobs>> {
  const queue = place.createQueue()
  await queue.enqueue('work', 0, { id: 'letter', orderingKey: 'k' })
  const [dead] = await consumer.claim()
  if (dead === undefined) throw new Error('no job')
  await consumer.deadLetter(dead, { reason: 'broken' })
  await queue.enqueue('work', 1, { id: 'holder', orderingKey: 'k' })
  await queue.enqueue('work', 2, { id: 'parked', orderingKey: 'k' })
  await queue.enqueue('work', 3, { id: 'parked-low', orderingKey: 'k', priority: 'low' })
  await queue.enqueue('work', 4, { id: 'delayed', orderingKey: 'k', delayMs: 1 })
  await queue.enqueue('work', 5, { id: 'later', delayMs: 600_000 })
  await queue.schedule('recurring', { cron: '0 3 * * *' }, 'work', 6)
  const [lease] = await consumer.claim()
  if (lease?.job.id !== 'holder') throw new Error('no holder')
  return lease
}

/** Ids of all jobs that are anywhere, with repeats. */
async function idsOf(place: Place): Promise<string[]> {
  const { streams, dlq, delayedJobs, parked } = place.keys
  const found: string[] = []
  for (const stream of [...streams, dlq])
    for (const [, fields] of await place.send<[string, string[]][]>('XRANGE', stream, '-', '+')) {
      const text = fields[fields.indexOf(stream === dlq ? 'e' : 'm') + 1] ?? '{}'
      found.push((JSON.parse(text) as { id: string }).id)
    }
  const envelopes = await place.send<string[]>('HVALS', delayedJobs)
  const members = await place.send<string[]>('ZRANGE', parked, 0, -1)
  const sealed = [...envelopes, ...members.map((member) => member.split('\0').slice(2).join('\0'))]
  found.push(...sealed.map((envelope) => envelope.split('\n')[1] ?? ''))
  return found.toSorted()
}

const ALL = ['delayed', 'holder', 'later', 'letter', 'parked', 'parked-low']

interface Act {
  readonly name: string
  /** The job that may be gone when the act succeeded. */
  readonly ends?: string
  readonly run: (place: Place, consumer: Consumer<TestJobs>, lease: Lease<TestJobs>) => Promise<unknown>
}

const ACTS: readonly Act[] = [
  { name: 'a redrive', run: (place) => place.createQueue().redrive() },
  { name: 'a delayed job that becomes due', run: ({ part }) => promote(part, 500) },
  { name: 'a cancel of a delayed job', ends: 'later', run: (place) => place.createQueue().cancel('later') },
  { name: 'a cancel of a parked job', ends: 'parked', run: (place) => place.createQueue().cancel('parked') },
  {
    name: 'a cancel of the holder of a key',
    ends: 'holder',
    run: async (place, consumer, lease) => {
      await consumer.release([lease])
      await place.createQueue().cancel('holder')
    },
  },
  { name: 'an ack', ends: 'holder', run: (_place, consumer, lease) => consumer.ack(lease) },
  {
    name: 'a retry at once',
    run: (_place, consumer, lease) => consumer.retry(lease, { delayMs: 0, reason: 'x' }),
  },
  {
    name: 'a retry later',
    run: (_place, consumer, lease) => consumer.retry(lease, { delayMs: 60_000, reason: 'x' }),
  },
  { name: 'a dead letter', run: (_place, consumer, lease) => consumer.deadLetter(lease, { reason: 'x' }) },
]

describe.each(ACTS)('$name', ({ ends, run }) => {
  // F220 a key of the queue is damaged while a job is redriven, promoted, cancelled, acked, retried, given up
  //  or fired: each script fills a job’s new place first and empties the old one last, after it has checked
  //  the types: no job is lost, none is doubled, and the step works when the damage is mended
  test.for(DAMAGED)('while %s is damaged loses no job and doubles none', async (name, { place }) => {
    const consumer = createConsumer<TestJobs>(place.redis, 'q', {
      prefix: place.prefix,
      visibilityMs: 300,
      onEvent: () => undefined,
    })
    place.onEnd(() => consumer.close())
    const lease = await fill(place, consumer)
    const key = keyOf(place, name)
    const existed = await place.send('RENAME', key, `${key}:saved`).then(
      () => true,
      () => false,
    )
    await place.send('SET', key, 'damaged')
    for (let time = 0; time < 3; time++) await run(place, consumer, lease).catch(() => undefined)
    await place.send('DEL', key)
    if (existed) await place.send('RENAME', `${key}:saved`, key)

    const ids = await idsOf(place)
    expect(ids).toEqual(ids.includes(ends ?? '') ? ALL : ALL.filter((id) => id !== ends))
  })
})

test.for(['live', 'high', 'default', 'sequence', 'parked', 'ordering'])(
  // F220
  'a recurring job that is due while %s is damaged is not passed over',
  async (name, { place }) => {
    const queue = place.createQueue()
    await queue.schedule('s', { cron: '0 3 * * *' }, 'work', 1, { orderingKey: 'k', priority: 'high' })
    await queue.enqueue('work', 2, { id: 'holder', orderingKey: 'k' })
    const key = keyOf(place, name)
    await place.send('RENAME', key, `${key}:saved`).catch(() => undefined)
    await place.send('SET', key, 'damaged')
    const slot = Date.now() - 1_000
    await place.send('ZADD', place.keys.slots, slot, 's')
    const before = Number(await place.send('ZSCORE', place.keys.slots, 's'))
    const isPlaced = await fireSlot(place.part, 's', slot, Date.now()).then(
      () => true,
      () => false,
    )
    const after = Number(await place.send('ZSCORE', place.keys.slots, 's'))
    expect(isPlaced ? after > before : after === before).toBe(true)
  },
)

// F220
test('a redrive that fails leaves the letter where it is, and works when the damage is mended', async ({
  place,
}) => {
  const queue = place.createQueue()
  const consumer = createConsumer<TestJobs>(place.redis, 'q', { prefix: place.prefix })
  place.onEnd(() => consumer.close())
  await fill(place, consumer)
  await place.send('SET', place.keys.sequence, 'damaged')
  await expect(queue.redrive()).rejects.toThrow(/not an integer/)
  expect(await queue.deadLetters()).toMatchObject([{ id: 'letter' }])
  await place.send('DEL', place.keys.sequence)
  expect(await queue.redrive()).toMatchObject({ redriven: 1 })
  expect(await queue.deadLetters()).toEqual([])
})
