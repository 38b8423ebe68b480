import type { PaymentStatus } from './payment.ts'

/**
 * The legal transitions, the same table that the database's trigger keeps (`sql/0004_payment_rules.sql`).
 * `null` is "no row yet". PROCESSING to itself is a take-over or an unknown outcome; QUEUED to itself
 * replaces a lost job.
 */
export const TRANSITIONS: ReadonlyMap<PaymentStatus | null, readonly PaymentStatus[]> = new Map<
  PaymentStatus | null,
  readonly PaymentStatus[]
>([
  [null, ['PENDING']],
  ['PENDING', ['QUEUED', 'PROCESSING', 'FAILED']],
  ['QUEUED', ['QUEUED', 'PROCESSING', 'FAILED']],
  ['PROCESSING', ['PROCESSING', 'QUEUED', 'SUCCESS', 'FAILED']],
  ['SUCCESS', []],
  ['FAILED', []],
])

/** Whether one step leads from `from` to `to`. */
export function isLegal(from: PaymentStatus | null, to: PaymentStatus): boolean {
  return TRANSITIONS.get(from)?.includes(to) ?? false
}

/** Whether nothing leads out of this status. */
export function isTerminal(status: PaymentStatus): boolean {
  return status === 'SUCCESS' || status === 'FAILED'
}

/** What folding a payment's events found. */
export type Fold =
  | { readonly ok: true; readonly status: PaymentStatus | null }
  | { readonly ok: false; readonly seq: number; readonly reason: string }

/** The fields of an event that matter to the fold. */
export interface Step {
  readonly seq: number
  readonly fromStatus: PaymentStatus | null
  readonly toStatus: PaymentStatus
}

/** Replays events in order: numbered from 1 without gaps, each starting where the last one ended, each legal. */
export function fold(events: readonly Step[]): Fold {
  let status: PaymentStatus | null = null
  let expected = 1
  for (const { seq, fromStatus, toStatus } of events) {
    if (seq !== expected) return { ok: false, seq, reason: `sequence ${seq} where ${expected} was due` }
    if (fromStatus !== status)
      return { ok: false, seq, reason: `starts from ${fromStatus}, the payment was ${status}` }
    if (!isLegal(fromStatus, toStatus))
      return { ok: false, seq, reason: `${fromStatus} -> ${toStatus} is not legal` }
    status = toStatus
    expected++
  }
  return { ok: true, status }
}
