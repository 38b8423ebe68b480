import { testPrefix } from '@titan/testkit'
import { inject, test as base, type TestAPI } from 'vitest'
import {
  createQueue,
  createWorker,
  type Handlers,
  type Queue,
  type QueueEvent,
  type QueueOptions,
  type RedisClient,
  type Worker,
  type WorkerOptions,
} from '../../src/index.ts'
import { shareConnection } from '../../src/redis/connection.ts'
import { keysOf, type Keys } from '../../src/redis/keys.ts'
import type { QueuePartition } from '../../src/redis/partition.ts'
import { connectTestClient, type TestClient } from './clients.ts'

/** The jobs of most tests: one name, a number as data. */
export interface TestJobs {
  work: number
}

/** A separate queue for one test. What is made through it is stopped, and must have closed all it opened. */
export interface Place {
  readonly url: string
  readonly redis: RedisClient
  readonly prefix: string
  readonly name: string
  /** The keys of the queue while it has one partition. */
  readonly keys: Keys
  readonly part: QueuePartition
  /** What all workers of the place told, in order. */
  readonly events: QueueEvent[]
  eventsOf<Type extends QueueEvent['type']>(type: Type): Extract<QueueEvent, { type: Type }>[]
  createQueue<Jobs extends object = TestJobs>(options?: QueueOptions<Jobs>): Queue<Jobs>
  createWorker<Jobs extends object = TestJobs>(
    handlers: Handlers<Jobs>,
    options?: WorkerOptions<Jobs>,
  ): Worker
  startWorker<Jobs extends object = TestJobs>(
    handlers: Handlers<Jobs>,
    options?: WorkerOptions<Jobs>,
  ): Promise<Worker>
  /** Ends something when the test ends, the last one first. */
  onEnd(end: () => unknown): void
  /** A raw command. */
  send<Reply = unknown>(...args: (string | number)[]): Promise<Reply>
}

const NAME = 'q'

/** `test` of vitest with a place. */
export const test: TestAPI<{ place: Place }> = base.extend<{ place: Place }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixture's needs from the pattern
  place: async ({}, use) => {
    const { place, end } = await createPlace()
    await use(place)
    await end()
  },
})

async function createPlace(): Promise<{ place: Place; end(): Promise<void> }> {
  const url = inject('redisUrl')
  const prefix = testPrefix()
  // Connections that the library opens carry the client's name: so leaks are found.
  const { client: redis, send, destroy } = await connectTestClient(url, { name: prefix, RESP: 2 })
  const keys = keysOf(prefix, NAME)
  const events: QueueEvent[] = []
  const ends: (() => unknown)[] = []
  const place: Place = {
    url,
    redis: redis,
    prefix,
    name: NAME,
    keys,
    part: { keys, connection: shareConnection(redis, keys.dlq) },
    events,
    eventsOf: (type) =>
      events.filter((event): event is Extract<QueueEvent, { type: typeof type }> => event.type === type),
    createQueue(options = {}) {
      return createQueue(redis, NAME, { prefix, ...options })
    },
    createWorker(handlers, options = {}) {
      const worker = createWorker(redis, NAME, handlers, {
        prefix,
        visibilityMs: 5_000,
        onEvent: (event) => void events.push(event),
        ...options,
      })
      place.onEnd(() => worker.stop({ graceMs: 0 }))
      return worker
    },
    async startWorker(handlers, options) {
      const worker = place.createWorker(handlers, options)
      await worker.start()
      return worker
    },
    onEnd: (end) => void ends.push(end),
    send,
  }
  return {
    place,
    async end() {
      try {
        for (const end of ends.toReversed()) await end()
        await checkForLeaks(send, prefix)
        await removeKeys(send, prefix)
      } finally {
        await destroy()
      }
    },
  }
}

/** Fails when anything but the test's own client is connected still. */
async function checkForLeaks(send: TestClient['send'], name: string): Promise<void> {
  const connected = async (): Promise<string[]> => {
    const list = await send<string>('CLIENT', 'LIST')
    return list.split('\n').filter((line) => line.includes(` name=${name} `))
  }
  // The server sees the end of a closed socket a moment later.
  for (let attempt = 0; attempt < 100 && (await connected()).length > 1; attempt++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  const open = await connected()
  if (open.length > 1)
    throw new Error(`The test leaves ${open.length - 1} connections open:\n${open.join('\n')}`)
}

async function removeKeys(send: TestClient['send'], prefix: string): Promise<void> {
  let cursor = '0'
  do {
    const [following, keys] = await send<[string, string[]]>(
      'SCAN',
      cursor,
      'MATCH',
      `${prefix}:*`,
      'COUNT',
      1_000,
    )
    cursor = following
    // One by one, because on a cluster they may lie in several slots.
    await Promise.all(keys.map((key) => send('UNLINK', key)))
  } while (cursor !== '0')
}
