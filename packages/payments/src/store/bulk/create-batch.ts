import { scheduleFaultOf } from '../../domain/request.ts'
import {
  createMany,
  createWithin,
  findKnown,
  prepare,
  type CreateAnswer,
  type NewPayment,
  type Prepared,
} from '../create.ts'
import type { Database } from '../database.ts'

/** Most payments of one batch. */
export const MAX_BATCH = 500

/** One line of a batch. */
export interface BatchLine {
  readonly payment: NewPayment
  /** Refused if it is new; a repeat of a stored payment stays one. @default false */
  readonly isRefused?: boolean | undefined
}

/** Lines to store: `each` that can be, `all` or nothing, or `none`, which only tells what would become of them. */
export interface Batch {
  readonly lines: readonly BatchLine[]
  readonly mode: 'all' | 'each' | 'none'
}

/** `refused`: it is new, and must not be. `withheld`: it could be stored, and was not because of another line or of `none`. */
export type BatchAnswer = CreateAnswer | { readonly kind: 'refused' | 'withheld' }

type Answers = ReadonlyMap<Prepared, BatchAnswer>

/** Ends a transaction that must not be committed. */
const WITHDRAWN = new Error('a line of the batch is at fault')

/**
 * Stores the payments of a batch and answers for each line, in their order. A key that comes twice is what it is in two
 * requests: a replay if both lines say the same, and otherwise a mismatch of the later one. Keys are inserted in their
 * order by one statement, so that batches which share keys do not wait for each other in a circle.
 *
 * @throws {PaymentsError} `INVALID_PAYMENT`
 */
export async function createBatch(sql: Database, { lines, mode }: Batch): Promise<BatchAnswer[]> {
  const now = new Date()
  const asked = lines.map(({ payment, isRefused = false }) => ({
    request: prepare(payment),
    isRefused: isRefused || scheduleFaultOf(payment, now) !== undefined,
  }))
  const requestsOf = (refused: boolean): Prepared[] =>
    asked.flatMap(({ request, isRefused }) => (isRefused === refused ? [request] : []))
  const refused = requestsOf(true)
  const known: Answers = await findKnown(sql, refused)
  const isDoomed = mode === 'all' && refused.some((request) => known.get(request)?.kind !== 'replayed')
  const store = { all: storeAll, each: storeEach, none: foresee }[isDoomed ? 'none' : mode]
  const answers = await store(sql, requestsOf(false))
  return asked.map(({ request }) => answers.get(request) ?? known.get(request) ?? { kind: 'refused' })
}

/** Stores what can be. What repeats a key of another line is looked up after that. */
async function storeEach(sql: Database, requests: readonly Prepared[]): Promise<Answers> {
  const { firsts, repeats } = partByKey(requests)
  const answers = firsts.length === 0 ? [] : await createMany(sql, firsts)
  return new Map([...pair(firsts, answers), ...(await findKnown(sql, repeats))])
}

/** Stores all in one transaction, or nothing. */
async function storeAll(sql: Database, requests: readonly Prepared[]): Promise<Answers> {
  const { firsts, repeats } = partByKey(requests)
  try {
    return await sql.begin(async (transaction) => {
      const answers = await createWithin(transaction, firsts)
      const repeated = await findKnown(transaction, repeats)
      if ([...answers, ...repeated.values()].some(({ kind }) => kind === 'mismatch')) throw WITHDRAWN
      return new Map([...pair(firsts, answers), ...repeated])
    })
  } catch (error) {
    if (error !== WITHDRAWN) throw error
    return foresee(sql, requests)
  }
}

/** Tells what would become of requests. */
async function foresee(sql: Database, requests: readonly Prepared[]): Promise<Answers> {
  const known = await findKnown(sql, requests)
  const { firsts } = partByKey(requests)
  const hashes = new Map(firsts.map(({ key, hash }) => [key, hash]))
  return new Map(
    requests.map((request) => [
      request,
      known.get(request) ?? { kind: hashes.get(request.key) === request.hash ? 'withheld' : 'mismatch' },
    ]),
  )
}

function partByKey(requests: readonly Prepared[]) {
  const firsts = [...new Map(requests.toReversed().map((request) => [request.key, request])).values()]
  const isFirst = new Set(firsts)
  return { firsts: firsts.toReversed(), repeats: requests.filter((request) => !isFirst.has(request)) }
}

function pair(requests: readonly Prepared[], answers: readonly CreateAnswer[]): [Prepared, CreateAnswer][] {
  return requests.map((request, index) => [request, answers[index] as CreateAnswer])
}
