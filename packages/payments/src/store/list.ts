import { storedKeyOf } from '../domain/accounts/account.ts'
import { CLOCK_MARGIN_MS, firstPaymentIdOf } from '../domain/identifiers.ts'
import type { Payment, PaymentStatus } from '../domain/payment.ts'
import type { Database } from './database.ts'
import { toPayment, type PaymentRow } from './rows.ts'
import { statement } from './statements.ts'

/** Which payments to list; newest first. */
export interface ListFilter {
  readonly status?: PaymentStatus | undefined
  readonly idempotencyKey?: string | undefined
  /** The beginning of the reference. */
  readonly reference?: string | undefined
  /** A pair of the metadata, exactly. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** The gateway's id of the charge. */
  readonly gatewayRef?: string | undefined
  /** Only those parked for an operator, or only the others. */
  readonly needsReview?: boolean | undefined
  /** Minor units, the least. */
  readonly minAmount?: number | undefined
  /** Minor units, the most. */
  readonly maxAmount?: number | undefined
  /** Whose. @default all, for operators */
  readonly account?: string | undefined
  /** Only those created at this time or later. */
  readonly createdAfter?: Date | undefined
  /** Only those created earlier than this. */
  readonly createdBefore?: Date | undefined
  /** Continues after this id: `next` of the page before. */
  readonly after?: string | undefined
  /** 1 to 500. @default 50 */
  readonly limit?: number | undefined
}

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
/** Sorts before every payment id; captures, voids and refunds have other prefixes. */
const BEFORE_ALL = 'pay_'
/** Sorts after every payment id. */
const AFTER_ALL = 'q'

const countSet = statement<{ readonly most: number }>('count_set')
const listSet = statement<PaymentRow>('list_set')
const search = statement<PaymentRow>('search')
const listNewest = statement<
  { [Field in keyof PaymentRow]: PaymentRow[Field] | null } & { edge: string | null }
>('list_newest')

/**
 * Lists one page. The examined payments come from the smallest source that holds all matches: one row for a key, the
 * partial index of a working state while that is small, and otherwise the newest payments by id.
 */
export async function pagePayments(
  sql: Database,
  filter: ListFilter = {},
  mostExamined = MOST_EXAMINED,
): Promise<PaymentPage> {
  const limit = Math.max(1, Math.min(500, filter.limit ?? 50))
  if (isSearch(filter)) return searchPayments(sql, filter, limit)
  const source = sourceOf(filter)
  if (source === undefined || !(await isSmall(sql, source, mostExamined)))
    return pageNewest(sql, filter, limit, mostExamined)
  const { after = null } = filter
  const conditions = { ...conditionsOf(filter), key: keyIn(filter) }
  const found = await listSet(sql, { source, after, ...conditions, limit: limit + 1 })
  const payments = found.slice(0, limit).map(toPayment)
  const next = found.length > limit ? payments.at(-1)?.id : undefined
  return { payments: payments.filter((payment) => isFound(payment, filter)), next }
}

/** Returns the key as it is stored for the account, or as a client sends it where that is not given. */
function keyIn({ account, idempotencyKey: key }: ListFilter): string | null {
  if (key === undefined) return null
  return account === undefined ? key : storedKeyOf(account, key)
}

/** Compares what the one payment of a key says. */
function isFound({ details, gatewayRef }: Payment, filter: ListFilter): boolean {
  const { reference = '', metadata = {} } = filter
  return (
    (filter.reference === undefined || details?.reference?.startsWith(reference) === true) &&
    Object.entries(metadata).every(([name, text]) => details?.metadata?.[name] === text) &&
    (filter.gatewayRef === undefined || gatewayRef === filter.gatewayRef)
  )
}

function isSearch({ idempotencyKey, reference, metadata, gatewayRef }: ListFilter): boolean {
  return idempotencyKey === undefined && [reference, metadata, gatewayRef].some((one) => one !== undefined)
}

/** Follows every text that begins with the one before it. */
const END_OF_PREFIX = '\u{10FFFF}'

/** Reads all that match: a search that matches a large share of the payments ends at the statement timeout. */
async function searchPayments(sql: Database, filter: ListFilter, limit: number): Promise<PaymentPage> {
  const { reference, metadata, gatewayRef = null, after = null } = filter
  const found = await search(sql, {
    reference: reference ?? null,
    referenceEnd: reference === undefined ? null : reference + END_OF_PREFIX,
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
    gatewayRef,
    after,
    ...conditionsOf(filter),
    limit: limit + 1,
  })
  const payments = found.slice(0, limit).map(toPayment)
  return { payments, next: found.length > limit ? payments.at(-1)?.id : undefined }
}

/** Names the set that holds all matches and has an index; undefined where none does. */
function sourceOf({ status, idempotencyKey, needsReview }: ListFilter): string | undefined {
  if (idempotencyKey !== undefined) return 'KEY'
  if (needsReview === true) return 'REVIEW'
  return status === 'SUCCESS' || status === 'FAILED' ? undefined : status
}

async function isSmall(sql: Database, source: string, most: number): Promise<boolean> {
  if (source === 'KEY') return true
  const [count] = await countSet(sql, { source, limit: most + 1 })
  return count !== undefined && count.most <= most
}

/** Walks back from the newest payment, or from `after`, over `mostExamined` payments. */
async function pageNewest(
  sql: Database,
  filter: ListFilter,
  limit: number,
  mostExamined: number,
): Promise<PaymentPage> {
  // FAILED payments have an index in the order of the ids.
  const isFailed = filter.status === 'FAILED'
  const most = isFailed ? Math.ceil(mostExamined * FAILED_SHARE) : mostExamined
  const conditions = { ...idBoundsOf(filter), ...conditionsOf(filter) }
  const rows = await listNewest(sql, { isFailed, most, ...conditions, limit })
  const payments = rows
    .filter(({ id }) => id !== null)
    .slice(0, limit)
    .map(({ edge: _edge, ...row }) => toPayment(row as PaymentRow))
  const next = rows.length > limit ? payments.at(-1)?.id : rows[0]?.edge
  return { payments, next: next ?? undefined }
}

/** Returns all conditions but the position in the list; null for none. */
function conditionsOf(filter: ListFilter) {
  const { status = null, needsReview = null, minAmount = null, maxAmount = null } = filter
  const { account = null, createdAfter = null, createdBefore = null } = filter
  return { account, status, needsReview, minAmount, maxAmount, createdAfter, createdBefore }
}

function idBoundsOf({ after = AFTER_ALL, createdAfter, createdBefore }: ListFilter) {
  const shifted = (at: Date, byMs: number): string => firstPaymentIdOf(new Date(at.getTime() + byMs))
  const end = createdBefore === undefined ? AFTER_ALL : shifted(createdBefore, CLOCK_MARGIN_MS)
  const from = createdAfter === undefined ? BEFORE_ALL : shifted(createdAfter, -CLOCK_MARGIN_MS)
  return { below: after < end ? after : end, from }
}
