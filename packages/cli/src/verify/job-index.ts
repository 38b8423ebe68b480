import { PAYMENTS_QUEUE, type PaymentJobs } from '@titan/payments'
import { createQueue, type QueueStats, type RedisClient } from '@titan/queue-core'

/** Looks at the jobs of the payments' queue in Redis, as docs/redis-layout.md describes them. Reads only. */
export interface JobIndex {
  stats(): Promise<QueueStats>
  /** Returns those of the ids that no job waits or runs under. */
  missing(ids: readonly string[]): Promise<string[]>
  /** Yields the payments that the entries of the streams name, page by page. */
  paymentIds(): AsyncIterable<string[]>
  /** Finds the entries of the streams that do more than name one payment, with the first `limit` of their ids. */
  strangeEntries(limit: number): Promise<{ readonly count: number; readonly entries: readonly string[] }>
}

type Entries = [id: string, fields: string[]][]

/** Entries per read. */
const PAGE = 1_000

/** Opens an index over the queue under `prefix`. */
export function createJobIndex(redis: RedisClient, prefix: string): JobIndex {
  const base = `${prefix}:{${PAYMENTS_QUEUE}}`
  const streams = [`${base}:jobs:high`, `${base}:jobs`, `${base}:jobs:low`]

  function send<Reply>(args: string[]): Promise<Reply> {
    return 'getNodeClientForKey' in redis
      ? redis.sendCommand<Reply>(base, true, args)
      : redis.sendCommand<Reply>(args)
  }

  async function isAlive(id: string, place: string | null): Promise<boolean> {
    if (place === null) return false
    if (place === 'd') return (await send<number>(['HEXISTS', `${base}:delayed:jobs`, id])) === 1
    const [, level, entry] = /^(\d):([^:]*):/.exec(place) ?? []
    const stream = streams[Number(level) - 1]
    // Any other place is one behind an ordering key, which payments do not use.
    if (stream === undefined || entry === undefined) return true
    return (await send<Entries>(['XRANGE', stream, entry, entry])).length > 0
  }

  async function* pagesOf(stream: string): AsyncGenerator<Entries> {
    let from = '-'
    for (;;) {
      const entries = await send<Entries>(['XRANGE', stream, from, '+', 'COUNT', String(PAGE)])
      yield entries
      const last = entries.at(-1)
      if (last === undefined || entries.length < PAGE) return
      from = `(${last[0]}`
    }
  }

  return {
    stats: () => createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix }).stats(),
    async missing(ids) {
      if (ids.length === 0) return []
      const places = await send<(string | null)[]>(['HMGET', `${base}:live`, ...ids])
      const alive = await Promise.all(ids.map((id, index) => isAlive(id, places[index] ?? null)))
      return ids.filter((_, index) => alive[index] !== true)
    },
    async *paymentIds() {
      for (const stream of streams)
        for await (const page of pagesOf(stream)) yield page.flatMap(([, fields]) => paymentOf(fields) ?? [])
    },
    async strangeEntries(limit) {
      const entries: string[] = []
      let count = 0
      for (const stream of streams) {
        for await (const page of pagesOf(stream)) {
          const strange = page.filter(([, fields]) => paymentOf(fields) === undefined)
          count += strange.length
          entries.push(...strange.slice(0, limit - entries.length).map(([id]) => `${stream} ${id}`))
        }
      }
      return { count, entries }
    },
  }
}

/** Reads the payment that an entry names; undefined unless it is the job `pay` with the id of a payment and nothing else. */
function paymentOf(fields: readonly string[]): string | undefined {
  const [nameField, name, dataField, text = ''] = fields
  if (nameField !== 'n' || name !== 'pay' || dataField !== 'd') return undefined
  try {
    const data: unknown = JSON.parse(text)
    if (typeof data !== 'object' || data === null || Object.keys(data).length !== 1) return undefined
    return 'payment_id' in data && typeof data.payment_id === 'string' ? data.payment_id : undefined
  } catch {
    return undefined
  }
}
