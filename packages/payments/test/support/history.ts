import { TRANSITIONS, type PaymentStatus } from '../../src/index.ts'

/** Whether one step leads from `from` to `to`. */
export function isLegal(from: PaymentStatus | null, to: PaymentStatus): boolean {
  return TRANSITIONS.get(from)?.includes(to) ?? false
}

type Fold =
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
