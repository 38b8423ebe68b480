import { createQueue, type RedisClient } from '@titan/queue-core'
import { DEFAULT_RETRY_POLICY, PAYMENTS_QUEUE, type Database, type PaymentJobs } from '@titan/payments'
import { INVARIANTS } from './catalogue.ts'
import type { Breaches, Finding } from './finding.ts'
import type { CheckContext, Invariant, Need, QueueView, UnseenInvariant } from './invariant.ts'
import { createJobIndex } from './job-index.ts'
import type { Ledger } from './ledger-tables.ts'
import { breachesOf, withSnapshot } from './snapshot.ts'

/** What {@link verify} looks at. */
export interface VerifyOptions {
  readonly sql: Database
  /** A connected client; without one, what only Redis shows is skipped. @default none */
  readonly redis?: RedisClient | undefined
  /** First part of the queue's keys. @default 'titan' */
  readonly prefix?: string
  /** The gateway's ledger; without one, what only the gateway knows is skipped. @default none */
  readonly ledger?: Ledger | undefined
  /** Name of the gateway whose ledger it is, where payments went through more than one. @default all of them */
  readonly gateway?: string | undefined
  /** Everything should have come to its end: also demands I5, and excuses nothing as being under way. @default false */
  readonly settled?: boolean
  /** Retries that a payment may have used. @default 5 */
  readonly maxRetries?: number
  /** Shelf life of the gateway's keys, in milliseconds. @default 86400000, a day */
  readonly keyTtlMs?: number
  /** How long a payment may be due without a job until it counts as lost, in milliseconds. @default 60000 */
  readonly dueGraceMs?: number
  /** Called after each invariant. @default none */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * Checks the invariants of payments on a live system or a quiet one. Reads one moment of the database, and changes
 * nothing. Answers a finding for each invariant, in their order.
 *
 * @throws errors of PostgreSQL, Redis and the ledger as they are
 */
export async function verify(options: VerifyOptions): Promise<Finding[]> {
  const { sql, redis, prefix = 'titan', ledger, gateway = null, settled = false } = options
  const { maxRetries = DEFAULT_RETRY_POLICY.maxRetries, keyTtlMs = 86_400_000, dueGraceMs = 60_000 } = options
  const { onProgress = () => {} } = options
  const view = redis && openView(redis, prefix)
  return withSnapshot(sql, ledger, async (snapshot) => {
    const hasLedger = ledger !== undefined
    const context: CheckContext = {
      ...{ snapshot, sql, view, hasLedger, gateway, settled, maxRetries, keyTtlMs, dueGraceMs },
    }
    const findings: Finding[] = []
    for (const invariant of INVARIANTS) {
      findings.push(await judge(invariant, context))
      onProgress(findings.length, INVARIANTS.length)
    }
    return findings
  })
}

/** Contradictions between the ledgers that are recorded and not resolved; what they explain is no breach. */
export function findOpenBreaks(sql: Database): Promise<Breaches> {
  return withSnapshot(sql, undefined, (snapshot) =>
    breachesOf(
      snapshot,
      snapshot`
        select kind || ' ' || coalesce(payment_id, reference) as id
          from reconciliation_breaks where resolved_at is null`,
    ),
  )
}

function openView(redis: RedisClient, prefix: string): QueueView {
  return {
    queue: createQueue<PaymentJobs>(redis, PAYMENTS_QUEUE, { prefix }),
    jobs: createJobIndex(redis, prefix),
  }
}

const LACKS: Readonly<Record<Need, string>> = {
  ledger: 'the gateway’s ledger was not given',
  redis: 'Redis was not given',
  settled: 'asked for with --settled only',
}

async function judge(invariant: Invariant | UnseenInvariant, context: CheckContext): Promise<Finding> {
  const { id, title } = invariant
  if ('unseen' in invariant)
    return { id, title, verdict: 'SKIPPED', reason: invariant.unseen, count: 0, offenders: [] }
  const { needs, usesLedger = false } = invariant
  const isLacking = needs !== undefined && !isGiven(needs, context)
  // Our own books may show a breach of what only the ledger can prove.
  const { count, offenders } =
    isLacking && needs !== 'ledger' ? { count: 0, offenders: [] } : await invariant.check(context)
  if (count > 0) return { id, title, verdict: 'FAIL', reason: '', count, offenders }
  if (isLacking) return { id, title, verdict: 'SKIPPED', reason: LACKS[needs], count, offenders }
  const reason = usesLedger && !context.hasLedger ? 'by our own books: no ledger was given' : ''
  return { id, title, verdict: 'PASS', reason, count, offenders }
}

function isGiven(need: Need, { hasLedger, view, settled }: CheckContext): boolean {
  switch (need) {
    case 'ledger':
      return hasLedger
    case 'redis':
      return view !== undefined
    case 'settled':
      return settled
  }
}
