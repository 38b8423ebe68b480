import { createQueue, type RedisClient } from '@titan/queue-core'
import {
  DEFAULT_RETRY_POLICY,
  FINGERPRINT_VERSION,
  PAYMENTS_QUEUE,
  TRANSITIONS,
  type Database,
  type PaymentJobs,
} from '@titan/payments'
import { checkBooks, estimatePayments } from './ledger-index.ts'
import { INVARIANTS } from './catalogue.ts'
import { readChecks, type Check, type Parameter } from './check-files.ts'
import { SHOWN, type Breach, type Finding } from './finding.ts'
import type { CheckContext, Invariant, Need, QueueView, UnseenInvariant } from './invariant.ts'
import { createJobIndex } from './job-index.ts'
import type { Ledger } from './ledger-tables.ts'
import { runCheck, withLedger, withSnapshot } from './snapshot.ts'

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
  /** Payments that one transaction reads; about half a second of work. @default 10000 */
  readonly rangeSize?: number
  /** Called now and then with the payments that are checked, and how many there are by the planner's estimate. @default none */
  readonly onProgress?: (done: number, total: number) => void
}

/** How far the clocks of the gateway and of the database may be apart before an order of events is believed. */
const CLOCK_TOLERANCE_MS = 1_000

/** Payments that one transaction compares with each other. */
const PART = 1_000_000

/** How old a fact of the ledger must be before its payment must be in the snapshot, while payments go on. */
const FRESH_MS = 5_000

/**
 * Checks the invariants of payments on a live system or a quiet one, and changes nothing. Our own books are read in short
 * transactions, each of which sees one moment of some payments; the ledger is compared in one transaction. Answers a
 * finding for each invariant, in their order.
 *
 * @throws errors of PostgreSQL, Redis and the ledger as they are
 */
export async function verify(options: VerifyOptions): Promise<Finding[]> {
  const { sql, redis, prefix = 'titan', ledger, settled = false, dueGraceMs = 60_000 } = options
  const context = { sql, view: redis && openView(redis, prefix), settled, dueGraceMs }
  const given = { ledger: ledger !== undefined, redis: redis !== undefined, settled }
  const found = await runChecks(options)
  const findings: Finding[] = []
  for (const invariant of INVARIANTS)
    findings.push(
      await judge(invariant, { context, given, found: found.get(numberOf(invariant.name)) ?? [] }),
    )
  return findings
}

/** Runs every check; the breaches by the number of their invariant. */
async function runChecks(options: VerifyOptions): Promise<Map<string, Breach[]>> {
  const { sql, ledger, settled = false, rangeSize = 10_000, onProgress = () => undefined } = options
  const checks = await readChecks()
  const values = parametersOf(options)
  const found = new Map<string, Breach[]>()
  const keep = ({ id }: Check, breaches: readonly Breach[]): void => {
    if (breaches.length > 0) found.set(id, [...(found.get(id) ?? []), ...breaches])
  }
  const ofPayments = checks.filter(({ scope }) => scope === 'payments')
  const ofBooks = await checkBooks(sql, { checks: ofPayments, values, rangeSize, onProgress })
  for (const check of ofPayments) keep(check, ofBooks.get(check.name) ?? [])
  const wholes = checks.filter(({ scope }) => scope === 'database' || (scope === 'settled' && settled))
  for (const check of wholes) await checkWhole(sql, check, values, (breaches) => keep(check, breaches))
  if (ledger !== undefined)
    await withLedger(sql, ledger, async (snapshot) => {
      for (const check of checks)
        if (check.scope === 'ledger') keep(check, await runCheck(snapshot, check, values))
    })
  return found
}

/** Runs a check over whole tables, part by part where it can be divided. */
async function checkWhole(
  sql: Database,
  check: Check,
  values: Readonly<Record<string, Parameter>>,
  keep: (breaches: readonly Breach[]) => void,
): Promise<void> {
  const isDivided = check.params.includes('part')
  const parts = isDivided ? Math.ceil(Math.max(1, await estimatePayments(sql)) / PART) : 1
  for (let part = 0; part < parts; part++)
    keep(await withSnapshot(sql, (snapshot) => runCheck(snapshot, check, { ...values, parts, part })))
}

/** The values of the parameters that files of `sql/invariants/` name. */
function parametersOf(options: VerifyOptions): Readonly<Record<string, Parameter>> {
  const { gateway = null, settled = false, keyTtlMs = 86_400_000 } = options
  const { maxRetries = DEFAULT_RETRY_POLICY.maxRetries } = options
  return {
    gateway,
    settled,
    max_retries: maxRetries,
    key_ttl_ms: keyTtlMs,
    fresh_ms: FRESH_MS,
    tolerance_ms: CLOCK_TOLERANCE_MS,
    version: FINGERPRINT_VERSION,
    legal: [...TRANSITIONS].flatMap(([from, targets]) => targets.map((to) => `${from ?? ''}>${to}`)),
  }
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

interface Evidence {
  readonly context: CheckContext
  readonly given: Readonly<Record<Need, boolean>>
  /** What the statements found. */
  readonly found: readonly Breach[]
}

async function judge(
  invariant: Invariant | UnseenInvariant,
  { context, given, found }: Evidence,
): Promise<Finding> {
  const { name, title } = invariant
  const finding = { id: numberOf(name), name, title, reason: '', count: 0, offenders: [], breaches: [] }
  if ('unseen' in invariant) return { ...finding, verdict: 'SKIPPED', reason: invariant.unseen, advice: '' }
  const { needs, usesLedger = false, advice, look } = invariant
  const breaches = [...found, ...((await look?.(context)) ?? [])]
  if (breaches.length > 0) {
    const count = breaches.reduce((sum, breach) => sum + breach.count, 0)
    const offenders = [...new Set(breaches.flatMap((breach) => breach.offenders))].toSorted()
    return { ...finding, verdict: 'FAIL', count, offenders: offenders.slice(0, SHOWN), breaches, advice }
  }
  // Our own books may show a breach of what only the ledger can prove; that they show none proves nothing.
  if (needs !== undefined && !given[needs])
    return { ...finding, verdict: 'SKIPPED', reason: LACKS[needs], advice: '' }
  const reason = usesLedger && !given.ledger ? 'by our own books: no ledger was given' : ''
  return { ...finding, verdict: 'PASS', reason, advice: '' }
}

/** `I1` of `I01_charged_at_most_once`. */
function numberOf(name: string): string {
  return `I${Number(name.slice(1, 3))}`
}
