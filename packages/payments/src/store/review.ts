import { sanitizeText } from '../domain/evidence.ts'
import { eventTypeOf } from '../domain/identifiers.ts'
import type { Database, Queryable } from './database.ts'
import { statement } from './statements.ts'

const cancel = statement('cancel')

/** Ends a payment that no attempt was made for; false when it is unknown, final, or has an attempt already. */
export async function cancelPayment(
  sql: Database,
  id: string,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<boolean> {
  return (await cancel(sql, { id, actor, reason: sanitizeText(reason) })).length === 1
}

/** What an operator found out about a parked payment, and where. */
export interface OperatorDecision {
  /** `SUCCESS` needs the gateway's id of the charge. `FAILED` says that no money moved. `RETRY` asks the gateway again. */
  readonly to: 'SUCCESS' | 'FAILED' | 'RETRY'
  readonly operator: string
  /** Where the evidence is; never deleted. */
  readonly note: string
  readonly gatewayRef?: string | undefined
  /** The id of the charge once more; needed when another charge is on record. */
  readonly confirmedRef?: string | undefined
}

/** Why a decision was refused, and nothing was changed; all from `charge_refunded` on are of SUCCESS. */
export type DecisionRefusal =
  | 'not_parked' // or a worker holds it
  | 'no_charge' // SUCCESS without the id of a charge
  | 'charge_on_record' // FAILED or RETRY, and a charge on record was neither refunded nor accepted
  | 'nothing_to_ask' // RETRY, and no attempt is open, or a charge of another attempt came to light
  | 'charge_refunded' // the refund of the charge is on record
  | 'amount_differs' // the charge has another amount or currency than the payment
  | 'charge_of_another' // the charge is of another payment
  | 'unconfirmed' // another charge than those on record, not confirmed
  | 'look_up_first' // the charge is of another attempt, and the open one may be charged too

type DecisionEffect = 'decided' | DecisionRefusal

const lock = statement('lock_payment')
const lockCharge = statement('lock_charge')

/** Runs statements in a transaction that holds the lock of a payment; of one of `account`, where that is given. */
export function withLockedPayment<Value>(
  sql: Database,
  id: string,
  run: (transaction: Queryable) => Promise<Value>,
  account: string | null = null,
): Promise<Value> {
  return sql.begin(async (transaction) => {
    await lock(transaction, { id, account })
    return run(transaction)
  }) as Promise<Value>
}

/**
 * Decides a parked payment on an operator's evidence, under a new fence. Refuses what contradicts a charge or refund on
 * record. May be repeated after a lost answer: the same decision is `decided` again.
 */
export async function decideReview(
  sql: Database,
  id: string,
  decision: OperatorDecision,
): Promise<DecisionEffect> {
  if (decision.to === 'SUCCESS' && (decision.gatewayRef ?? '') === '') return 'no_charge'
  try {
    return await withLockedPayment(sql, id, (transaction) => decideLocked(transaction, id, decision))
  } catch (error) {
    // A worker was faster.
    if (isChargeTaken(error)) return 'charge_of_another'
    throw error
  }
}

async function decideLocked(sql: Queryable, id: string, decision: OperatorDecision): Promise<DecisionEffect> {
  const { to, gatewayRef = null, confirmedRef, operator, note } = decision
  if (to === 'SUCCESS') await lockCharge(sql, { gatewayRef: gatewayRef ?? '' })
  const [facts] = await readFacts(sql, { id, gatewayRef: gatewayRef ?? '' })
  const made = {
    id,
    gatewayRef,
    actor: operatorOf(operator),
    event: eventTypeOf(id, STEP_OF[to]),
    note: sanitizeText(note),
  }
  if (facts === undefined) return (await findDecision(sql, made)).length > 0 ? 'decided' : 'not_parked'
  const refusal = refusalOf(facts, to, gatewayRef === confirmedRef)
  if (refusal !== undefined) return refusal
  return (await decide(sql, { ...made, decision: to })).length > 0 ? 'decided' : 'not_parked'
}

/** Returns the actor that an operator's acts are recorded under. */
export function operatorOf(name: string): string {
  return `operator:${sanitizeText(name)}`
}

/** The indexes by which a charge is of one payment, and the gateway's id of a refund of one refund. */
const ONE_OWNER = new Set<unknown>(['payments_charge_of_one_payment', 'payments_refund_of_one_movement'])

/** Whether the database refused a SUCCESS because its charge or refund is that of another one. */
export function isChargeTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const isIt = 'constraint_name' in error && ONE_OWNER.has(error.constraint_name)
  return isIt || isChargeTaken(error.cause)
}

interface Facts {
  readonly openCharges: number
  readonly mayAsk: boolean
  readonly mustLookUp: boolean
  readonly isKnown: boolean
  readonly knowsAny: boolean
  readonly isRefunded: boolean
  readonly isMismatch: boolean
  readonly isTaken: boolean
}

const readFacts = statement<Facts>('decision_facts')
const findDecision = statement('find_decision')
const decide = statement('decide')

const STEP_OF = { SUCCESS: 'succeeded', FAILED: 'failed', RETRY: 'unknown' } as const

function refusalOf(
  facts: Facts,
  to: OperatorDecision['to'],
  isConfirmed: boolean,
): DecisionRefusal | undefined {
  if (to !== 'SUCCESS') {
    if (facts.openCharges > 0) return 'charge_on_record'
    return to === 'RETRY' && !facts.mayAsk ? 'nothing_to_ask' : undefined
  }
  if (facts.isRefunded) return 'charge_refunded'
  if (facts.isMismatch) return 'amount_differs'
  if (facts.isTaken) return 'charge_of_another'
  if (facts.knowsAny && !facts.isKnown && !isConfirmed) return 'unconfirmed'
  return facts.mustLookUp ? 'look_up_first' : undefined
}

/** A look-up whose result is that the gateway does not know the attempt. */
export interface LookUpRecord {
  readonly paymentId: string
  /** Fence of the payment when the gateway was asked. */
  readonly fence: number
  readonly actor: string
  /** Least time since the last claim that may have sent the attempt, in milliseconds. */
  readonly minAgeMs: number
}

const recordUnknown = statement<{ readonly isOld: boolean }>('record_look_up')

/**
 * Records that the gateway does not know the open attempt of a parked payment. `too_early`: a send was so recent that
 * the gateway may not show it yet. `moved_on`: the payment has changed.
 */
export async function recordLookUp(sql: Database, look: LookUpRecord) {
  const [row] = await recordUnknown(sql, { ...look })
  if (row === undefined) return 'moved_on'
  return row.isOld ? 'recorded' : 'too_early'
}
