import { readLedgerFile, type Database, type LedgerFact } from '@titan/payments'
import { findOpenBreaks, verify } from '@titan/cli'
import type { Accepted } from './clients.ts'
import { MAX_RETRIES } from './fleet.ts'
import type { AcceptedMove } from './movers.ts'
import type { Stores } from './trial.ts'

/** Judges payments by the invariants, by what clients were answered, and by the ledgers of the gateways. */
export async function judge({
  sql,
  redis,
  partitions,
  ledgerPaths,
  accepted,
  moves,
}: Stores & {
  /** The ledgers of all gateways: a payment is charged once, at one of them. */
  readonly ledgerPaths: readonly string[]
  readonly accepted: ReadonlyMap<string, Accepted>
  readonly moves: ReadonlyMap<string, AcceptedMove>
}) {
  const findings = await verify({
    sql,
    redis,
    partitions,
    settled: true,
    maxRetries: MAX_RETRIES,
    ledger: readLedgers(ledgerPaths),
  })
  const broken = findings
    .filter(({ verdict }) => verdict === 'FAIL')
    .map(({ id, title, count, offenders }) => `${id} ${title} ${count}: ${offenders.join(', ')}`)
  // The gateway sometimes charges wrong amounts on purpose; any other break is a violation.
  const breaks = (await findOpenBreaks(sql)).offenders
    .filter((offender) => !offender.startsWith('amount_mismatch'))
    .map((offender) => `unexpected open reconciliation break: ${offender}`)
  const statuses = await count(
    sql<Counted[]>`
      select case when needs_review then 'REVIEW' else status end as name, count(*)::int as count
        from payments where parent_id is null group by 1`,
  )
  const movements = await count(
    sql<Counted[]>`
      select movement_kind(id) || ' ' || case when needs_review then 'REVIEW' else status end as name, count(*)::int as count
        from payments where parent_id is not null group by 1`,
  )
  const reviews = await count(
    sql<Counted[]>`
      select coalesce(e.evidence ->> 'reason', 'charged something else') as name, count(*)::int as count
        from payments p join payment_history e on e.payment_id = p.id and e.seq = p.event_seq
       where p.needs_review group by 1 order by 2 desc`,
  )
  const events = await count(
    sql<Counted[]>`
      select split_part(type, '.', 2) as name, count(*)::int as count from payment_history
       where split_part(type, '.', 2) in ('taken_over', 'requeued') group by 1`,
  )
  return {
    /** Payments by status; those in review count as `REVIEW`. */
    statuses,
    /** Captures, voids and refunds by kind and status. */
    movements,
    ...(await countPlaces(sql)),
    /** Why payments are in review. */
    reviews,
    /** Attempts that another worker continued because the lease of the first had expired. */
    reclaimedAttempts: events['taken_over'] ?? 0,
    /** Jobs that were lost with Redis and enqueued again. */
    requeued: events['requeued'] ?? 0,
    /** Every violation, one line each. */
    breaches: [
      ...broken,
      ...breaks,
      ...(await findChangedAnswers(sql, accepted)),
      ...(await findChangedMoves(sql, moves)),
    ],
  }
}

/** Counts where payments were tried. */
async function countPlaces(sql: Database) {
  const gateways = await count(
    sql<Counted[]>`
      select coalesce(gateway, 'none') || ' ' || status as name, count(*)::int as count
        from payments where parent_id is null group by 1`,
  )
  const [moved] = await sql<{ count: number }[]>`
    select count(*)::int as count
      from (select payment_id from attempt_history where payment_id like 'pay%' group by 1
            having count(distinct gateway) > 1) several`
  return {
    /** Payments by their last gateway and status. */
    gateways,
    /** Payments with attempts at more than one gateway. */
    rerouted: moved?.count ?? 0,
  }
}

/** Reads the ledgers of several gateways as one. */
export async function* readLedgers(paths: readonly string[]): AsyncGenerator<LedgerFact> {
  for (const path of paths) yield* readLedgerFile(path)
}

/** Finds accepted payments that are not stored as they were answered. */
async function findChangedAnswers(sql: Database, accepted: ReadonlyMap<string, Accepted>): Promise<string[]> {
  const rows = await sql<
    { id: string; key: string; amount: number }[]
  >`select id, idempotency_key as key, amount from payments`
  const stored = new Map(rows.map((row) => [row.key, row]))
  const changed = [...accepted].filter(([key, { amount, paymentId }]) => {
    const row = stored.get(key)
    return row?.id !== paymentId || row.amount !== amount
  })
  return changed.map(([key, { paymentId }]) => `lost or changed: ${key} was answered ${paymentId}`)
}

/** Finds accepted refunds, captures and voids that are not stored as they were answered. */
async function findChangedMoves(sql: Database, moves: ReadonlyMap<string, AcceptedMove>): Promise<string[]> {
  const rows = await sql<{ id: string; parent: string; amount: number }[]>`
    select id, parent_id as parent, amount from payments m
     where parent_id is not null
       -- A capture of another amount than was asked for, which fails, is on record as the gateway's own.
       and not (idempotency_key like 'capture % gateway:%'
                and exists (select from payments asked
                             where asked.parent_id = m.parent_id and asked.failure_code = 'already_captured' and asked.amount <> m.amount))`
  const stored = new Map(rows.map((row) => [row.id, row]))
  const changed = [...moves.values()].filter(({ id, paymentId, amount }) => {
    const row = stored.get(id)
    return row?.parent !== paymentId || row.amount !== amount
  })
  const unasked = rows.length - moves.size
  return [
    ...changed.map(({ id, paymentId }) => `lost or changed: ${id} of ${paymentId}`),
    // A response that was lost is asked for again until it comes.
    ...(unasked > 0 ? [`${unasked} movements are stored without a request of a client`] : []),
  ]
}

interface Counted {
  readonly name: string
  readonly count: number
}

async function count(rows: PromiseLike<readonly Counted[]>): Promise<Record<string, number>> {
  return Object.fromEntries((await rows).map(({ name, count }) => [name, count]))
}
