import type { Database, Ledger } from '@titan/payments'
import type { RedisClient } from '@titan/queue-core'
import { mergeBreaches, SHOWN, type Breach, type Finding } from './finding.ts'
import { readInvariants, type Check, type Invariant, type Need } from './invariants.ts'
import { createJobIndex } from './job-index.ts'
import { formatRange, type GatewayList } from './gateway-list.ts'
import { loadLedger, loadList } from './ledger-tables.ts'
import { estimatePayments, runCheck, withSnapshot, withTables, type Snapshot } from './snapshot.ts'

/** What {@link verify} looks at. */
export interface VerifyOptions {
  readonly sql: Database
  /** A connected client; without one, what only Redis shows is skipped. @default none */
  readonly redis?: RedisClient | undefined
  /** First part of the queue's keys. @default 'titan' */
  readonly prefix?: string
  /** Partitions of the queue. @default 1 */
  readonly partitions?: number
  /** The gateway's ledger; without one, what only the gateway knows is skipped. @default none */
  readonly ledger?: Ledger | undefined
  /** What a gateway itself lists, in place of a ledger. @default none */
  readonly list?: GatewayList | undefined
  /** Name of the gateway whose ledger it is, where payments went through more than one. @default all of them */
  readonly gateway?: string | undefined
  /** Nothing is in flight any more: also demands I5, and excuses nothing. @default false */
  readonly settled?: boolean
  /** Retries that a payment may have used. @default 5 */
  readonly maxRetries?: number | undefined
  /** Shelf life of the gateway's keys, in milliseconds. @default 86400000, a day */
  readonly keyTtlMs?: number | undefined
  /** How long a payment may be due without a job until it counts as lost, in milliseconds. @default 60000 */
  readonly dueGraceMs?: number
  /** Payments that one transaction reads; about half a second of work. @default 10000 */
  readonly rangeSize?: number
  /** Called after each range with the payments so far, and how many there are by the planner's estimate. @default none */
  readonly onProgress?: (done: number, total: number) => void
}

/** Values of the parameters of checks, where they differ from the defaults in the files. */
type Parameters = Readonly<Record<string, string | undefined>>

/** Payments that one transaction compares with each other. */
const PART = 1_000_000

/**
 * Checks the invariants of payments, on a live system or an idle one, and changes nothing. Our own records are read in
 * short transactions, each of which sees one point in time of some payments; the ledger is compared in one transaction.
 * Returns a finding for each invariant, in their order.
 *
 * @throws errors of PostgreSQL, Redis and the ledger as they are
 */
export async function verify(options: VerifyOptions): Promise<Finding[]> {
  const {
    sql,
    redis,
    prefix = 'titan',
    partitions = 1,
    ledger,
    list,
    settled = false,
    dueGraceMs = 60_000,
  } = options
  const invariants = await readInvariants()
  const checks = invariants.flatMap((invariant) => invariant.checks)
  const found = await runChecks(checks, options)
  const jobs = redis && createJobIndex(redis, { prefix, partitions })
  const context = { sql, jobs, settled, dueGraceMs }
  const given = { ledger: (ledger ?? list) !== undefined, redis: redis !== undefined, settled, list }
  const findings: Finding[] = []
  for (const invariant of invariants) {
    const looked = (await invariant.look?.(context)) ?? []
    findings.push(judge(invariant, [...(found.get(invariant.name) ?? []), ...looked], given))
  }
  return findings
}

/** Runs every check, and returns the breaches by the name of their invariant. */
async function runChecks(checks: readonly Check[], options: VerifyOptions): Promise<Map<string, Breach[]>> {
  const { sql, ledger, list, gateway } = options
  const shared = parametersOf(options)
  const found = new Map<string, Breach[]>()
  const run = async (snapshot: Snapshot, some: readonly Check[], own: Parameters = {}): Promise<void> => {
    for (const check of some) {
      const breaches = await runCheck(snapshot, check, { ...shared, ...own })
      if (breaches.length > 0)
        found.set(check.name, mergeBreaches([...(found.get(check.name) ?? []), ...breaches]))
    }
  }
  const ofScope = (scope: Check['scope']): Check[] => checks.filter((check) => check.scope === scope)
  const ofRanges = ofScope('range')
  await eachRange(options, (snapshot, range) => run(snapshot, ofRanges, range))
  for (const check of ofScope('whole'))
    await eachPart(sql, check, (snapshot, part) => run(snapshot, [check], part))
  if (ledger !== undefined) {
    const load = (snapshot: Snapshot): Promise<void> => loadLedger(snapshot, ledger, gateway)
    await withTables(sql, load, (snapshot) => run(snapshot, ofScope('ledger')))
  }
  if (list !== undefined) {
    const shown = ofScope('ledger').filter(({ unlisted }) => unlisted === undefined)
    const own = { key_ttl_ms: String(list.keyTtlMs) }
    const load = (snapshot: Snapshot): Promise<void> => loadList(snapshot, list)
    await withTables(sql, load, (snapshot) => run(snapshot, [...shown, ...ofScope('list')], own))
  }
  return found
}

function parametersOf({ settled, keyTtlMs, maxRetries }: VerifyOptions): Parameters {
  return {
    settled: settled?.toString(),
    key_ttl_ms: keyTtlMs?.toString(),
    max_retries: maxRetries?.toString(),
  }
}

/**
 * Reads one range of payments after the other. Each range is a short transaction that sees one point in time, and every
 * record of a payment is in its range: what moves between two ranges looks wrong in none.
 */
async function eachRange(
  { sql, rangeSize = 10_000, onProgress = () => undefined }: VerifyOptions,
  read: (snapshot: Snapshot, range: Parameters) => Promise<void>,
): Promise<void> {
  const total = await estimatePayments(sql)
  let after: string | undefined = ''
  for (let done = rangeSize; after !== undefined; done += rangeSize) {
    const start: string = after
    after = await withSnapshot(sql, async (snapshot) => {
      const until = await endOfRange(snapshot, start, rangeSize)
      await read(snapshot, { after: start, until })
      return until
    })
    onProgress(after === undefined ? Math.max(total, done - rangeSize) : done, Math.max(total, done))
  }
}

/** Finds the last id of the range that begins after `after`; the last range has no end. */
async function endOfRange(snapshot: Snapshot, after: string, size: number): Promise<string | undefined> {
  const [row] = await snapshot<{ id: string }[]>`
    select id from payments where id > ${after}::text order by id offset ${size - 1}::int limit 1`
  return row?.id
}

/** Reads whole tables, part by part where the check can be divided. */
async function eachPart(
  sql: Database,
  { defaults }: Check,
  read: (snapshot: Snapshot, part: Parameters) => Promise<void>,
): Promise<void> {
  const parts = defaults.has('part') ? Math.ceil(Math.max(1, await estimatePayments(sql)) / PART) : 1
  for (let part = 0; part < parts; part++)
    await withSnapshot(sql, (snapshot) => read(snapshot, { parts: String(parts), part: String(part) }))
}

const LACKS: Readonly<Record<Need, string>> = {
  ledger: 'no ledger of the gateway was given',
  redis: 'no Redis was given',
  settled: 'checked with --settled only',
}

function judge(
  { name, title, advice, needs, checks, unseen }: Invariant,
  breaches: readonly Breach[],
  given: Readonly<Record<Need, boolean>> & Pick<VerifyOptions, 'list'>,
): Finding {
  const id = `I${Number(name.slice(1, 3))}`
  const finding = { id, name, title, reason: '', count: 0, offenders: [], breaches: [], advice: '' }
  if (unseen !== undefined) return { ...finding, verdict: 'SKIPPED', reason: unseen }
  if (breaches.length > 0) {
    const count = breaches.reduce((sum, breach) => sum + breach.count, 0)
    const offenders = [...new Set(breaches.flatMap((breach) => breach.offenders))].toSorted().slice(0, SHOWN)
    return { ...finding, verdict: 'FAIL', count, offenders, breaches, advice }
  }
  // Our own records may show a breach of what only the ledger can prove; that they show none proves nothing.
  if (needs !== undefined && !given[needs]) return { ...finding, verdict: 'SKIPPED', reason: LACKS[needs] }
  const ofLedger = checks.filter(({ scope }) => scope === 'ledger')
  const [unlisted] = given.list === undefined ? [] : ofLedger.flatMap((check) => check.unlisted ?? [])
  if (unlisted !== undefined) return { ...finding, verdict: 'SKIPPED', reason: unlisted }
  if (ofLedger.length === 0) return { ...finding, verdict: 'PASS' }
  const lacking = given.ledger ? '' : 'by our own records: no ledger of the gateway was given'
  return { ...finding, verdict: 'PASS', reason: given.list ? formatRange(given.list) : lacking }
}
