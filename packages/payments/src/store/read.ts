import { eventIdOf } from '../domain/identifiers.ts'
import type { Payment, PaymentAttempt, PaymentEvent, RecordedBreak } from '../domain/payment.ts'
import type { GatewayMode } from '../gateways/gateway.ts'
import type { RoutedPayment } from '../domain/routing.ts'
import type { Database } from './database.ts'
import { toPayment, type PaymentRow } from './rows.ts'
import { statement } from './statements.ts'

const get = statement<PaymentRow>('get')
const events = statement<Omit<PaymentEvent, 'eventId'>>('list_events')
const attempts = statement<PaymentAttempt>('list_attempts')
const breaks = statement<Omit<RecordedBreak, 'amount'> & { readonly amount: string | null }>('list_breaks')

export async function getPayment(sql: Database, id: string): Promise<Payment | undefined> {
  const [row] = await get(sql, { id })
  return row && toPayment(row)
}

/** What decides at which gateway a payment is worked on next. */
export interface PaymentPlace extends RoutedPayment {
  readonly tokenGateway: string | null
  /** The money that its account moves; null for any. */
  readonly accountMode: GatewayMode | null
  readonly id: string
  /**
   * That of its open attempt, of the charge that it is about, or where its next attempt begins; null when that may be any, or it
   * cannot be claimed now.
   */
  readonly gateway: string | null
  /** That of the attempt before, where the next one may begin at any. */
  readonly lastGateway: string | null
  /** Whether it is a charge: what is about one stays at its gateway. */
  readonly isCharge: boolean
  /** Certainly nothing was sent for it to the gateway where it is. */
  readonly mayLeave: boolean
  /** Milliseconds for which it has been due. */
  readonly overdueMs: number
  /** Milliseconds for which it is as it is, however often its job was looked for. */
  readonly unchangedMs: number
}

const places = statement<PaymentPlace>('find_places')

/** Finds where payments are worked on next; undefined for each that does not exist. */
export async function findPlaces(
  sql: Database,
  ids: readonly string[],
): Promise<(PaymentPlace | undefined)[]> {
  const found = new Map((await places(sql, { ids })).map((place) => [place.id, place]))
  return ids.map((id) => found.get(id))
}

const findByCharge = statement<{ readonly id: string }>('find_charge')

/** Finds the payment that succeeded with a charge. */
export async function findCharge(
  sql: Database,
  charge: { readonly gateway: string; readonly gatewayRef: string },
): Promise<string | undefined> {
  return (await findByCharge(sql, { ...charge }))[0]?.id
}

const findMoved = statement<{ readonly gatewayRef: string | null }>('find_moved_charge')

/** Finds the gateway's id of the charge that a capture, void or refund is about. */
export async function findMovedCharge(sql: Database, movementId: string): Promise<string | undefined> {
  return (await findMoved(sql, { id: movementId }))[0]?.gatewayRef ?? undefined
}

/** The longest history that is read at once. */
const MAX_EVENTS = 1_000

/** Reads the latest events of a payment, in the order of `seq`. */
export async function listEvents(sql: Database, paymentId: string): Promise<PaymentEvent[]> {
  const rows = await events(sql, { paymentId, limit: MAX_EVENTS })
  return rows.map((row) => ({ eventId: eventIdOf(row.paymentId, row.seq), ...row }))
}

export function listAttempts(sql: Database, paymentId: string): Promise<PaymentAttempt[]> {
  return attempts(sql, { paymentId })
}

/** Reads the contradictions with a gateway that are on record for a payment, resolved ones too. */
export async function listBreaks(sql: Database, paymentId: string): Promise<RecordedBreak[]> {
  const rows = await breaks(sql, { paymentId })
  return rows.map((row) => ({ ...row, amount: row.amount === null ? null : Number(row.amount) }))
}
