import { setTimeout as pause } from 'node:timers/promises'
import { PAYMENTS_QUEUE, type Database, type PaymentJobs } from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import type { Stores } from './trial.ts'

/** Counts the payments that have come to their end, or to where a person decides. */
export const countEnded = (sql: Database): Promise<number> => countPayments(sql, true)

/** Counts the payments that have not. */
export const countUnfinished = (sql: Database): Promise<number> => countPayments(sql, false)

async function countPayments(sql: Database, isEnded: boolean): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from payments p
     where (status in ('SUCCESS', 'FAILED') or needs_review
            -- It ends with its capture or void, about which a person decides.
            or exists (select from payments m where m.parent_id = p.id and m.needs_review)) = ${isEnded}`
  return row?.count ?? 0
}

/** What must be quiet. */
export interface QuietOptions extends Stores {
  /** Resolves when every client has its answer. */
  readonly paying: Promise<void>
  readonly withinMs: number
}

const LOOK_EVERY_MS = 250

/** Waits until every client is answered, every payment has come to its end and Redis holds no job; false when that takes too long. */
export async function waitUntilQuiet({
  sql,
  paying,
  withinMs,
  redis,
  partitions,
}: QuietOptions): Promise<boolean> {
  const queue = createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { partitions })
  const deadline = performance.now() + withinMs
  let isAnswered = false
  const answered = paying.then(() => (isAnswered = true))
  while (performance.now() < deadline) {
    if (isAnswered && (await countUnfinished(sql)) === 0) {
      const { ready, leased, delayed, parked } = await queue.stats()
      if (ready + leased + delayed + parked === 0) return true
    }
    await Promise.race([pause(LOOK_EVERY_MS), ...(isAnswered ? [] : [answered])])
  }
  return false
}
