import type { Behaviour } from '../script/behaviour.ts'
import type { WebhookScript } from '../script/script.ts'
import type { Form } from '../request/form.ts'
import type { Change, Movement, Schedule } from '../ledger/entry.ts'
import type { GatewayState } from '../ledger/state.ts'
import type { ChargeRow, IntentRow } from '../model/intent.ts'
import type { Answer } from '../stripe/answer.ts'
import type { Happening } from '../stripe/event.ts'

/** A request after it was read. */
export interface Call {
  /** Stripe's `Request-Id`. */
  readonly request: string
  readonly key: string | null
  readonly path: string
  /** The object that the path names. */
  readonly id: string
  readonly form: Form
  readonly behaviour: Behaviour
  readonly webhook: WebhookScript
}

/** What a request is decided by. */
export interface Context {
  readonly call: Call
  readonly state: GatewayState
  /** Epoch milliseconds. */
  readonly now: number
  /** Milliseconds until an outcome that comes later. */
  readonly laterMs: number
  /** Milliseconds that an authorization lasts. */
  readonly authorizationMs: number
  /** Where the pages of the simulator are. */
  readonly pagesUrl: string
}

/** What a request did: it is recorded, and its answer is stored under the key. */
export interface Effect extends Omit<Change, 'at'> {
  readonly answer: Answer
  readonly schedule: Schedule | null
  /** What happened, in order. */
  readonly happenings: readonly Happening[]
}

/** Either what a request did, or why it was refused before anything began; nothing is stored then. */
export type Decision = { readonly effect: Effect } | { readonly refused: Answer }

/** An effect with an answer and nothing else. */
export function answered(answer: Answer): Decision {
  return { effect: { answer, rows: {}, charge: null, movements: [], schedule: null, happenings: [] } }
}

/** Creates the ledger's line about something that was done to a payment. */
export function movementOf(
  kind: Movement['kind'],
  { id: intentId, metadata, currency }: IntentRow,
  { id: chargeId }: ChargeRow,
  given: Pick<Movement, 'at' | 'key' | 'amount'> & Partial<Movement>,
): Movement {
  return {
    kind,
    id: chargeId,
    intentId,
    chargeId,
    payment: metadata['payment_id'] ?? null,
    reference: null,
    currency,
    status: 'succeeded',
    ...given,
  }
}

/** Schedules the later outcome of a request, if its behaviour has one. */
export function scheduleFor(subject: string, { call, now, laterMs }: Context): Schedule | null {
  const { behaviour, key, webhook } = call
  const { later: final } = behaviour
  return final === null ? null : { subject, key, dueAt: now + (behaviour.laterMs ?? laterMs), final, webhook }
}
