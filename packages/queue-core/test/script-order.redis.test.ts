import { eventually } from '@titan/testkit'
import { expect } from 'vitest'
import type { Connection } from '../src/redis/connection.ts'
import { enqueue, type Entry } from '../src/redis/enqueue.ts'
import { scripts } from '../src/redis/scripts.ts'
import { range } from './support/collect.ts'
import { test } from './support/place.ts'

// F191 the server forgets the scripts while batches of one ordering key are on their way, and another process
//  loads them: the batches keep their order
test('batches that meet a server without the script are not overtaken by those behind them', async ({
  place,
}) => {
  const { connection } = place.part
  let calls = 0
  const flushing: Connection = {
    ...connection,
    get lastReplyAt() {
      return connection.lastReplyAt
    },
    send<T>(args: string[]): Promise<T> {
      // The server forgets the script before the first batch, and another process loads it before the second.
      if (++calls === 1) void place.send('SCRIPT', 'FLUSH')
      if (calls === 2) void place.send('SCRIPT', 'LOAD', scripts.enqueue.source)
      return connection.send<T>(args)
    },
  }
  const batch = (from: number): Entry[] =>
    range(10).map((index) => {
      const id = `job-${from + index}`
      const meta = JSON.stringify({ id, orderingKey: 'k' })
      const full = { id, dedupe: false, due: '', orderingKey: 'k', meta }
      return { level: 1, name: 'work', data: String(from + index), full }
    })
  await Promise.all(
    [0, 10, 20].map((from) => enqueue({ ...place.part, connection: flushing }, 0, batch(from))),
  )
  const order: number[] = []
  await place.startWorker({ work: ({ data }) => void order.push(data) })
  await eventually(() => order.length === 30)
  expect(order).toEqual(range(30))
})
