import { PaymentsError } from '../domain/errors.ts'
import {
  CLOCK_MARGIN_MS,
  firstDigitsOf,
  MOVEMENT_FINGERPRINT_VERSION,
  movementFingerprint,
  newMovementId,
} from '../domain/identifiers.ts'
import type { Movement } from '../domain/movement.ts'
import type { PaymentStatus } from '../domain/payment.ts'
import { detailsDigest, MEMBER_RULES } from '../domain/request.ts'
import { activeTraceparent, passStep } from '../tracing.ts'
import type { Database, Queryable } from './database.ts'
import { withLockedPayment } from './review.ts'
import { statement } from './statements.ts'

/** A request for a capture, void or refund. */
export interface NewMovement {
  readonly kind: Movement['kind']
  readonly paymentId: string
  /** Minor units. @default all that can be moved; a void is always whole */
  readonly amount?: number | undefined
  /** 1 to 255 visible ASCII characters. One key is always the same movement of its payment and kind. */
  readonly idempotencyKey: string
  /** Why, up to 500 printable characters. */
  readonly reason?: string | undefined
  /** Refunds a charge that is on record as a contradiction, whole, by the gateway's id. @default the payment's own charge */
  readonly chargeRef?: string | undefined
  /** Whose payment it may be: that of another account is not found. @default any, for operators */
  readonly account?: string | undefined
  /** Gateways that can do none of it. @default all can */
  readonly unmovable?: readonly string[] | undefined
  /** Who asks, for the event of the creation. @default 'api' */
  readonly actor?: string | undefined
}

/**
 * Why a movement is refused: `not_started` is a void of a payment that can still be canceled, `exceeds` an amount above
 * what is left, `in_review` a payment that waits for an operator,
 * `unsupported` one whose gateway cannot do it.
 */
export type MovementRefusal =
  | 'not_found'
  | 'not_succeeded'
  | 'not_authorized'
  | 'not_started'
  | 'exceeds'
  | 'already_captured'
  | 'already_voided'
  | 'in_review'
  | 'unsupported'

/** `mismatch`: the key belongs to a movement of another amount or reason; nothing was written. */
export type CreateMovementAnswer =
  | { readonly kind: 'created' | 'replayed'; readonly movement: Movement }
  | { readonly kind: 'mismatch' }
  | {
      readonly kind: 'refused'
      readonly reason: MovementRefusal
      /** Of `exceeds`: the most that could be moved, in minor units. */
      readonly available?: number
    }

/** Why a movement is refused and what can be done instead, by the reason. */
const REFUSAL_TEXTS: Readonly<Record<Exclude<MovementRefusal, 'exceeds'>, string>> = {
  not_found: 'there is no such payment',
  not_succeeded: 'only a payment that is SUCCESS can be refunded',
  not_authorized: 'the payment is not authorized',
  not_started: 'the payment has not been sent to the gateway: cancel it instead',
  already_captured: 'the payment is captured, or a capture is in progress',
  already_voided: 'the authorization is released, or a void is in progress',
  in_review: 'the payment is in review: it must be decided first',
  unsupported: 'its gateway cannot capture, void or refund',
}

/** Describes for people why a movement is refused; `chargeRef`: the charge that the request named. */
export function describeMovementRefusal(
  kind: Movement['kind'],
  { reason, available = 0 }: Extract<CreateMovementAnswer, { readonly kind: 'refused' }>,
  chargeRef?: string,
): string {
  if (chargeRef !== undefined && reason === 'not_found')
    return `no open contradiction with the charge ${chargeRef} is on record`
  if (chargeRef !== undefined && reason === 'exceeds')
    return available === 0
      ? 'the refund of this charge is in progress'
      : `a charge is refunded whole: ${available} minor units`
  if (reason === 'exceeds') return `at most ${available} minor units are left`
  if (kind === 'void' && reason === 'already_captured') return `${REFUSAL_TEXTS[reason]}: refund it instead`
  return REFUSAL_TEXTS[reason]
}

type MovementRow = { readonly [Field in keyof Movement]: Movement[Field] | null }
type Decided = MovementRow & {
  readonly isSame: boolean | null
  readonly refusal: MovementRefusal | null
  readonly available: number
}

const create = statement<Decided>('create_movement')

/**
 * Stores a capture, void or refund, or finds the one that its key belongs to. Resolves after COMMIT. The payment's lock
 * is held meanwhile, so of movements that come at the same time no more is accepted than the payment allows.
 *
 * @throws {PaymentsError} `INVALID_PAYMENT`
 */
export async function createMovement(sql: Database, asked: NewMovement): Promise<CreateMovementAnswer> {
  const request = prepare(asked)
  passStep('movements.creating', () => [request.key])
  const answer = await withLockedPayment(
    sql,
    asked.paymentId,
    (transaction) => createLocked(transaction, request),
    asked.account,
  )
  passStep('movements.created', () => [request.key])
  return answer
}

/** Stores a movement in a transaction that holds the lock of its payment. */
export async function createLocked(
  sql: Queryable,
  request: ReturnType<typeof prepare>,
): Promise<CreateMovementAnswer> {
  const [row] = await create(sql, request)
  if (row === undefined) return { kind: 'refused', reason: 'not_found' }
  const { isSame, refusal, available, ...found } = row
  if (found.id !== null) {
    if (isSame !== true) return { kind: 'mismatch' }
    return { kind: found.id === request.id ? 'created' : 'replayed', movement: found as Movement }
  }
  if (refusal === null) throw new RangeError('create_movement.sql neither wrote a movement nor refused it')
  return refusal === 'exceeds'
    ? { kind: 'refused', reason: refusal, available }
    : { kind: 'refused', reason: refusal }
}

/** Checks a request and fills in what its row needs. @throws {PaymentsError} `INVALID_PAYMENT` */
export function prepare(asked: NewMovement) {
  const { kind, paymentId, amount = null, idempotencyKey, reason = null, actor = 'api', chargeRef } = asked
  const fault = faultOf(asked)
  if (fault !== undefined) throw new PaymentsError('INVALID_PAYMENT', fault)
  const digest = detailsDigest({ description: asked.reason }) ?? null
  return {
    id: newMovementId(kind, paymentId),
    kind,
    paymentId,
    amount,
    key: `${kind} ${paymentId} ${idempotencyKey}`,
    hash: movementFingerprint({ kind, paymentId, amount, reason: digest, chargeRef }),
    fpVersion: MOVEMENT_FINGERPRINT_VERSION,
    traceparent: activeTraceparent() ?? null,
    actor,
    reason,
    digest,
    chargeRef: chargeRef ?? null,
    account: asked.account ?? null,
    unmovable: asked.unmovable ?? [],
  }
}

function faultOf({ kind, amount, idempotencyKey, reason, chargeRef }: NewMovement): string | undefined {
  if (amount !== undefined && (!Number.isSafeInteger(amount) || amount < 1))
    return `amount must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`
  if (chargeRef !== undefined && kind !== 'refund') return 'only a refund may name a charge'
  if (amount !== undefined && kind === 'void') return 'a void is of the whole amount'
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey))
    return 'idempotencyKey must be 1 to 255 visible ASCII characters'
  const { text, fits } = MEMBER_RULES.description
  return reason === undefined || fits(reason) ? undefined : `reason ${text}`
}

const get = statement<Movement>('get_movement')
const list = statement<Movement>('list_movements')

export async function getMovement(sql: Queryable, id: string): Promise<Movement | undefined> {
  return (await get(sql, { id }))[0]
}

/** Most movements of one payment that are read at once. */
const MAX_MOVEMENTS = 1_000

/** Reads the captures, voids and refunds of a payment, oldest first. */
export function listMovements(sql: Queryable, paymentId: string): Promise<Movement[]> {
  return list(sql, { paymentId, limit: MAX_MOVEMENTS })
}

/** Which movements to list; newest first. */
export interface MovementFilter {
  /** @default all kinds */
  readonly kind?: Movement['kind'] | undefined
  readonly status?: PaymentStatus | undefined
  /** Only those parked for an operator, or only the others. */
  readonly needsReview?: boolean | undefined
  readonly paymentId?: string | undefined
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

export interface MovementPage {
  readonly movements: Movement[]
  /** The id to continue after; undefined when the list is complete. A page may be short, or empty, and still have a next one. */
  readonly next: string | undefined
}

/** Most movements that one page examines, so that its cost does not grow with the history. */
const MOST_EXAMINED = 10_000
/** Sorts after the digits of every id. */
const AFTER_ALL = 'g'

const page = statement<MovementRow & { readonly edge: string | null }>('page_movements')

/** Lists one page of captures, voids and refunds. */
export async function pageMovements(
  sql: Database,
  filter: MovementFilter = {},
  mostExamined = MOST_EXAMINED,
): Promise<MovementPage> {
  const limit = Math.max(1, Math.min(500, filter.limit ?? 50))
  const rows = await page(sql, { ...boundsOf(filter), ...conditionsOf(filter), most: mostExamined, limit })
  const movements = rows
    .filter(({ id }) => id !== null)
    .slice(0, limit)
    .map(({ edge: _edge, ...movement }) => movement as Movement)
  const next = rows.length > limit ? movements.at(-1)?.id : rows[0]?.edge
  return { movements, next: next ?? undefined }
}

const ALL_KINDS: readonly Movement['kind'][] = ['capture', 'void', 'refund']

function conditionsOf(filter: MovementFilter) {
  const { kind, status = null, needsReview = null, paymentId = null } = filter
  const { account = null, createdAfter = null, createdBefore = null } = filter
  const kinds = kind === undefined ? ALL_KINDS : [kind]
  return { kinds, account, status, needsReview, paymentId, createdAfter, createdBefore }
}

function boundsOf({ after, createdAfter, createdBefore }: MovementFilter) {
  const shifted = (at: Date, byMs: number): string => firstDigitsOf(new Date(at.getTime() + byMs))
  const cursor = after === undefined ? AFTER_ALL : after.slice(after.indexOf('_') + 1)
  const end = createdBefore === undefined ? AFTER_ALL : shifted(createdBefore, CLOCK_MARGIN_MS)
  const from = createdAfter === undefined ? '' : shifted(createdAfter, -CLOCK_MARGIN_MS)
  return { below: cursor < end ? cursor : end, from }
}
