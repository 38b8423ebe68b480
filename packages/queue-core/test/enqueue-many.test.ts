import { expect, test } from 'vitest'
import { createQueue, QueueError, type RedisClient } from '../src/index.ts'

interface Jobs {
  work: number
}

const COUNT = 20_000
const jobs = Array.from({ length: COUNT }, (_none, data) => ({
  name: 'work' as const,
  data,
  delayMs: 60_000,
}))

/** Delayed jobs take ten words each, so that a thousand are three commands. */
const SIZES = [345, 345, 310]
const storedIn = (chunks: number): number =>
  Array.from({ length: chunks }, (_none, chunk) => SIZES[chunk % 3] ?? 0).reduce((sum, size) => sum + size, 0)

/** A client whose server takes chunks of jobs; `answer` may fail one, counted from 0. */
function fakeClient(answer: (chunk: number) => void = () => undefined) {
  const seen = { chunks: 0, inFlight: 0, mostInFlight: 0 }
  const client = {
    isReady: true,
    async sendCommand(args: string[]) {
      if (args[0] !== 'EVALSHA') return 'redis_version:7.4.0'
      const chunk = seen.chunks++
      seen.mostInFlight = Math.max(seen.mostInFlight, ++seen.inFlight)
      await new Promise((resolve) => setTimeout(resolve, 1))
      seen.inFlight--
      answer(chunk)
      return Array.from({ length: 1_000 }, () => '+').join(' ')
    },
  }
  return { client: client as unknown as RedisClient, seen }
}

async function failureOf(client: RedisClient): Promise<QueueError> {
  const error: unknown = await createQueue<Jobs>(client, 'q')
    .enqueueMany(jobs)
    .then(() => undefined)
    .catch((thrown: unknown) => thrown)
  if (error instanceof QueueError) return error
  throw new Error('no QueueError', { cause: error })
}

// F218 `enqueueMany` of hundreds of thousands of jobs, and the connection or the server fails halfway: a few
//  chunks are in flight at a time; the error has a code, a text, and in `accepted` the answers of the jobs
//  that are stored
test('many jobs leave a few chunks at a time, and are answered in their order', async () => {
  const { client, seen } = fakeClient()
  const answers = await createQueue<Jobs>(client, 'q').enqueueMany(jobs)
  expect(answers).toHaveLength(COUNT)
  expect(new Set(answers.map(({ id }) => id)).size).toBe(COUNT)
  expect(seen.chunks).toBe(60)
  expect(seen.mostInFlight).toBeLessThanOrEqual(4)
})

// F218
test('a failure halfway has a code, a text, and the jobs that are stored; no further chunk begins', async () => {
  const { client, seen } = fakeClient((chunk) => {
    if (chunk === 7) throw new Error('OOM command not allowed')
  })
  const error = await failureOf(client)
  expect(error.code).toBe('INCOMPLETE')
  expect(error.cause).toMatchObject({ message: 'OOM command not allowed' })
  expect(seen.inFlight).toBe(0)
  expect(seen.chunks).toBeLessThan(13)
  const { accepted = [] } = error
  expect(accepted).toHaveLength(COUNT)
  const stored = accepted.filter((one) => one !== undefined).length
  expect(stored).toBe(storedIn(seen.chunks) - 345)
  const failed = accepted.slice(storedIn(7), storedIn(8))
  expect(failed.every((one) => one === undefined)).toBe(true)
  expect(error.message).toContain(`${stored} of ${COUNT} jobs of queue "q" are known to be stored`)
})

test('an error of the library keeps its code', async () => {
  const { client } = fakeClient((chunk) => {
    if (chunk === 0) throw new QueueError('NO_REPLY', 'no reply came')
  })
  const error = await failureOf(client)
  expect(error.code).toBe('NO_REPLY')
  expect(error.message).toContain('no reply came')
  expect(error.accepted).toHaveLength(COUNT)
})
