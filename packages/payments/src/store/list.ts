import type postgres from 'postgres'
import type { Database } from './database.ts'
import { firstPaymentIdOf } from '../domain/identifiers.ts'
import type { Payment, PaymentStatus } from '../domain/payment.ts'
import { toPayment, type PaymentRow } from './rows.ts'

/** Which payments to list; newest first. */
export interface ListFilter {
  readonly status?: PaymentStatus | undefined
  readonly idempotencyKey?: string | undefined
  /** Only those parked for an operator, or only the others. */
  readonly needsReview?: boolean | undefined
  /** Minor units, the least. */
  readonly minAmount?: number | undefined
  /** Minor units, the most. */
  readonly maxAmount?: number | undefined
  /** Only those created at this moment or later. */
  readonly createdAfter?: Date | undefined
  /** Only those created earlier than this. */
  readonly createdBefore?: Date | undefined
  /** Continues after this id: `next` of the page before. */
  readonly after?: string | undefined
  /** 1 to 500. @default 50 */
  readonly limit?: number | undefined
}

/** A page of a list. */
export interface PaymentPage {
  readonly payments: Payment[]
  /**
   * The id to continue after; undefined when the list is complete. A page may be short, or empty, and still have a
   * next one: it examines a bounded number of payments.
   */
  readonly next: string | undefined
}

/** Most payments that one page examines, so that its cost does not grow with the history. */
const MOST_EXAMINED = 100_000
/** FAILED payments lie far apart: each costs a block of the table, where neighbours by id share one. */
const FAILED_SHARE = 1 / 10

type Fragment = postgres.PendingQuery<postgres.Row[]>

/**
 * Lists one page. The examined payments come from the smallest source that holds all matches: one row for a key, the
 * partial index of a working state while that is small, and otherwise the newest payments by id.
 *
 * @param mostExamined most payments that are examined. @default 100000
 */
export async function pagePayments(
  sql: Database,
  filter: ListFilter,
  mostExamined: number = MOST_EXAMINED,
): Promise<PaymentPage> {
  const limit = Math.max(1, Math.min(500, filter.limit ?? 50))
  const set = setOf(sql, filter)
  const isSmall = set !== undefined && (await isWithin(sql, set, mostExamined))
  const rows = isSmall
    ? await readSet(sql, set, filter, limit)
    : await readNewest(sql, filter, limit, mostExamined)
  const payments = rows.flatMap((row) => (row.id === null ? [] : [toPayment(row)])).slice(0, limit)
  const next = rows.length > limit ? payments.at(-1)?.id : rows[0]?.edge
  return { payments, next: next ?? undefined }
}

/** A page of payments; `edge` is the id of the oldest one examined, when the page is short and older ones exist. */
type PageRow =
  | (PaymentRow & { readonly edge: string | null })
  | { readonly id: null; readonly edge: string | null }

/** The payments of a small set, as statements that each read one index. Undefined when no such set holds all matches. */
function setOf(sql: Database, { status, idempotencyKey, needsReview }: ListFilter): Fragment[] | undefined {
  // Conditions are literal, so that the planner sees which partial index serves them.
  if (idempotencyKey !== undefined)
    return [sql`select * from payments where idempotency_key = ${idempotencyKey}::text`]
  if (needsReview === true) return [sql`select * from payments where needs_review`]
  if (status === 'PENDING') return [sql`select * from payments where status = 'PENDING'`]
  if (status === 'QUEUED') return [sql`select * from payments where status = 'QUEUED'`]
  if (status !== 'PROCESSING') return undefined
  return [
    sql`select * from payments where status = 'PROCESSING' and not needs_review`,
    sql`select * from payments where needs_review`,
  ]
}

async function isWithin(sql: Database, set: readonly Fragment[], most: number): Promise<boolean> {
  for (const part of set) {
    const [row] = await sql<{ count: number }[]>`
      select count(*) as count from (${part} limit ${most + 1}::int) few`
    if (row === undefined || row.count > most) return false
  }
  return true
}

/** The whole set is read and sorted: the expression keeps the planner from walking the primary key instead. */
async function readSet(
  sql: Database,
  [first, second]: readonly Fragment[],
  filter: ListFilter,
  limit: number,
): Promise<PageRow[]> {
  if (first === undefined) return []
  const { after } = filter
  return sql<PageRow[]>`
    select *, null as edge
      from (select *, id || '' as sort_id
              from (${first} ${second === undefined ? sql`` : sql`union all ${second}`}) part) p
     where ${matches(sql, filter)}
       ${after === undefined ? sql`` : sql`and sort_id < ${after}::text`}
     order by sort_id desc
     limit ${limit + 1}::int`
}

/** Walks back from the newest payment, or from `after`, over `mostExamined` payments. One statement, so one snapshot. */
async function readNewest(
  sql: Database,
  filter: ListFilter,
  limit: number,
  mostExamined: number,
): Promise<PageRow[]> {
  // FAILED payments have an index in the order of the ids.
  const isFailed = filter.status === 'FAILED'
  const most = isFailed ? Math.ceil(mostExamined * FAILED_SHARE) : mostExamined
  const source = sql`
    select * from payments
     where ${isFailed ? sql`status = 'FAILED'` : sql`true`} ${idBounds(sql, filter)}
     order by id desc`
  return sql<PageRow[]>`
    with page as materialized (
      select * from (${source} limit ${most}::int) examined
       where ${matches(sql, filter)}
       order by id desc
       limit ${limit + 1}::int
    ), edge as (
      select case when (select count(*) from page) <= ${limit}::int
             then (select id from (${source} offset ${most - 1}::int limit 1) oldest) end as edge
    )
    select page.*, edge.edge from edge left join page on true order by page.id desc`
}

/** All conditions but the position in the list. Written so that no partial index seems to fit: the source is chosen already. */
function matches(sql: Database, filter: ListFilter): Fragment {
  const { status, needsReview, minAmount, maxAmount, createdAfter, createdBefore } = filter
  return sql`true
    ${status === undefined ? sql`` : sql`and coalesce(status, '') = ${status}::text`}
    ${needsReview === undefined ? sql`` : sql`and coalesce(needs_review, false) = ${needsReview}::boolean`}
    ${minAmount === undefined ? sql`` : sql`and amount >= ${minAmount}::bigint`}
    ${maxAmount === undefined ? sql`` : sql`and amount <= ${maxAmount}::bigint`}
    ${createdAfter === undefined ? sql`` : sql`and created_at >= ${createdAfter}::timestamptz`}
    ${createdBefore === undefined ? sql`` : sql`and created_at < ${createdBefore}::timestamptz`}`
}

/**
 * The id is made by a program's clock shortly before the database stores the row by its own. The row's time decides;
 * the id, which the primary key orders, only bounds what is read, and so widely that the two clocks may differ.
 */
const CLOCK_MARGIN_MS = 300_000

function idBounds(sql: Database, { after, createdAfter, createdBefore }: ListFilter): Fragment {
  const shifted = (moment: Date, byMs: number): string => firstPaymentIdOf(new Date(moment.getTime() + byMs))
  return sql`
    ${after === undefined ? sql`` : sql`and id < ${after}::text`}
    ${createdAfter === undefined ? sql`` : sql`and id >= ${shifted(createdAfter, -CLOCK_MARGIN_MS)}::text`}
    ${createdBefore === undefined ? sql`` : sql`and id < ${shifted(createdBefore, CLOCK_MARGIN_MS)}::text`}`
}

/** Lists up to `limit` payments over as many pages as that takes. For tests and tools; what serves others reads pages. */
export async function listPayments(sql: Database, filter: ListFilter): Promise<Payment[]> {
  const limit = Math.max(1, Math.min(500, filter.limit ?? 50))
  const found: Payment[] = []
  let after = filter.after
  do {
    const from = after === undefined ? {} : { after }
    const { payments, next } = await pagePayments(sql, { ...filter, ...from, limit: limit - found.length })
    found.push(...payments)
    after = next
  } while (after !== undefined && found.length < limit)
  return found
}
