import type { ChargeOutcome, LookupAnswer } from '../gateway.ts'
import { describe, Mismatch, NotChecked, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import { answeredAction } from './actions.ts'
import { lookupOf, movementOf, ONE_KEY, type Trial } from '../trial.ts'
import { FAULTS, alter, RETRY_AFTER_S, type Fault } from '../wire/faults.ts'

type OutcomeType = ChargeOutcome['type']

interface NetworkRow {
  readonly behaviour: string
  readonly fault: Fault
  /** What a charge or movement may come to. @default UNKNOWN */
  readonly types?: readonly OutcomeType[]
  readonly advice?: string
  /** The caller gives up when the fault has struck. */
  readonly aborts?: true
}

const IN_DOUBT =
  'The request may have been processed: return UNKNOWN. NOT_SENT, DECLINED and REJECTED need proof in the answer.'
const SILENCE = 'Return UNKNOWN soon after the signal aborts: the request may have been processed.'
const UNREADABLE = 'Read the answer only when it is what the gateway documents, else return UNKNOWN.'
const THROTTLED =
  'Return NOT_SENT with fault throttled and, from Retry-After, retryAfterMs; or UNKNOWN where the gateway may have processed it.'

const NETWORK: readonly NetworkRow[] = [
  {
    behaviour: 'connection reset before the request was read',
    fault: FAULTS.resetOnConnect,
    types: ['UNKNOWN', 'NOT_SENT'],
  },
  { behaviour: 'connection reset after the request, which was not processed', fault: FAULTS.resetBefore },
  { behaviour: 'connection reset after the request, which was processed', fault: FAULTS.resetAfter },
  { behaviour: 'connection reset in the middle of the answer', fault: FAULTS.resetMidway },
  { behaviour: 'connection closed without an answer', fault: FAULTS.lost },
  {
    behaviour: 'no answer in time, not processed',
    fault: FAULTS.silentBefore,
    aborts: true,
    advice: SILENCE,
  },
  { behaviour: 'no answer in time, processed', fault: FAULTS.silentAfter, aborts: true, advice: SILENCE },
  { behaviour: 'half an answer, then silence', fault: FAULTS.silentMidway, aborts: true, advice: SILENCE },
  { behaviour: 'status 500 with JSON', fault: FAULTS.error500 },
  { behaviour: 'status 502 with HTML', fault: FAULTS.error502 },
  { behaviour: 'status 503 without a body', fault: FAULTS.error503 },
  { behaviour: 'status 429', fault: FAULTS.throttled, types: ['NOT_SENT', 'UNKNOWN'], advice: THROTTLED },
  {
    behaviour: `status 429, Retry-After: ${RETRY_AFTER_S}`,
    fault: FAULTS.throttledFor,
    types: ['NOT_SENT', 'UNKNOWN'],
    advice: THROTTLED,
  },
  { behaviour: 'status 200 with HTML', fault: FAULTS.html, advice: UNREADABLE },
  { behaviour: 'status 404 with HTML', fault: FAULTS.html404, advice: UNREADABLE },
  { behaviour: 'redirect to a login page', fault: FAULTS.redirect, advice: UNREADABLE },
  { behaviour: 'status 200 with an empty body', fault: FAULTS.empty, advice: UNREADABLE },
  { behaviour: 'status 200 with null', fault: FAULTS.nullBody, advice: UNREADABLE },
  { behaviour: 'status 200 with an empty object', fault: FAULTS.emptyObject, advice: UNREADABLE },
  { behaviour: 'half of the JSON', fault: FAULTS.truncated, advice: UNREADABLE },
]

/** Cancelling reads like looking up: a few faults say the rest. */
const ABANDON_FAULTS: ReadonlySet<Fault> = new Set([
  FAULTS.resetAfter,
  FAULTS.silentAfter,
  FAULTS.error500,
  FAULTS.html,
])

/** What each fault must come to, for charges, refunds and inquiries. */
export const FAULT_ROWS: readonly Row[] = [
  ...NETWORK.map(chargeRow),
  alteredRow('another amount', (money) => ({ ...money, amount: money.amount + 1 })),
  alteredRow('another currency', (money) => ({
    ...money,
    currency: money.currency === 'EUR' ? 'USD' : 'EUR',
  })),
  {
    behaviour: 'charge: kept connection dies when it is used again',
    expected: 'UNKNOWN, or SUCCEEDED by a repeat under the key; one charge',
    advice: IN_DOUBT,
    async run(trial) {
      const { proxy } = trial
      await trial.charge(trial.newCharge())
      proxy.killKeptConnections()
      const request = trial.newCharge()
      const outcome = requireType(await trial.charge(request), 'UNKNOWN', 'SUCCEEDED')
      await trial.requireOneCharge(request)
      return describe(outcome)
    },
  },
  ...NETWORK.map(refundRow),
  ...NETWORK.map((row) => inquiryRow('lookup', row)),
  ...NETWORK.filter(({ fault }) => ABANDON_FAULTS.has(fault)).map((row) => inquiryRow('abandon', row)),
]

/** What each fault must come to while the result of an action is sent. */
export const ACTION_FAULT_ROWS: readonly Row[] = NETWORK.map(actionRow)

function expectedOf({ types = ['UNKNOWN'] }: NetworkRow): string {
  return types.join(' or ')
}

function chargeRow(row: NetworkRow): Row {
  const { behaviour, fault, types = ['UNKNOWN'], advice = IN_DOUBT, aborts } = row
  return {
    behaviour: `charge: ${behaviour}`,
    expected: `${expectedOf(row)}; one charge after a repeat`,
    advice,
    async run(trial) {
      const request = trial.newCharge()
      const { proxy } = trial
      proxy.impose(fault, trial.carriesKey)
      const outcome = await trial.charge(request, { aborts: aborts && proxy.struck() })
      requireThrottled(requireType(outcome, ...types), fault)
      await trial.requireOneCharge(request)
      return describe(outcome)
    },
  }
}

function requireThrottled(outcome: ChargeOutcome | LookupAnswer, fault: Fault): void {
  if (outcome.type !== 'NOT_SENT' || (fault !== FAULTS.throttled && fault !== FAULTS.throttledFor)) return
  if (outcome.fault !== 'throttled') throw new Mismatch(describe(outcome))
  const asked = fault === FAULTS.throttledFor ? RETRY_AFTER_S * 1_000 : undefined
  if (asked !== undefined && outcome.retryAfterMs !== asked)
    throw new Mismatch(`${describe(outcome)}, retryAfterMs ${outcome.retryAfterMs}`)
}

function alteredRow(
  name: string,
  change: (money: { amount: number; currency: string }) => { amount: number; currency: string },
): Row {
  return {
    behaviour: `charge: the gateway says that it charged ${name}`,
    expected: 'SUCCEEDED with what the gateway says, or UNKNOWN',
    advice: 'Report the amount and currency of the answer, not those of the request.',
    async run(trial) {
      const request = trial.newCharge()
      const altered = change({ amount: request.amount, currency: request.currency })
      const changes = { count: 0 }
      trial.proxy.impose(alter(request, altered, changes))
      const outcome = requireType(await trial.charge(request), 'SUCCEEDED', 'UNKNOWN')
      if (changes.count === 0) throw new NotChecked('the answer does not name it')
      if (outcome.type === 'UNKNOWN') return describe(outcome)
      if (outcome.amount !== altered.amount || outcome.currency !== altered.currency)
        throw new Mismatch(describe(outcome))
      return describe(outcome)
    },
  }
}

function refundRow(row: NetworkRow): Row {
  const { behaviour, fault, types = ['UNKNOWN'], advice = IN_DOUBT, aborts } = row
  return {
    behaviour: `refund: ${behaviour}`,
    expected: `${expectedOf(row)}; one refund after a repeat`,
    advice,
    async run(trial) {
      const { proxy } = trial
      const charge = trial.newCharge()
      const { gatewayRef } = requireType(await trial.charge(charge), 'SUCCEEDED')
      const request = movementOf('refund', charge, gatewayRef)
      proxy.impose(fault, trial.carriesKey)
      const outcome = await trial.move(request, aborts && proxy.struck())
      requireThrottled(requireType(outcome, ...types), fault)
      proxy.heal()
      // Of the whole charge: after it, the gateway refuses a second refund.
      const repeat = await trial.move(request)
      if (repeat.type !== 'SUCCEEDED' && repeat.type !== 'PENDING')
        throw new Mismatch(`a repeat: ${describe(repeat)}`, ONE_KEY)
      return describe(outcome)
    },
  }
}

function inquiryRow(name: 'lookup' | 'abandon', { behaviour, fault, aborts }: NetworkRow): Row {
  return {
    behaviour: `${name}: ${behaviour}`,
    expected: 'FAILED_TO_ASK, then the truth',
    advice: 'NOT_FOUND and FOUND need an answer of the gateway. Without one, return FAILED_TO_ASK.',
    async run(trial) {
      const { proxy } = trial
      const request = trial.newCharge()
      const { gatewayRef } = requireType(await trial.charge(request), 'SUCCEEDED')
      proxy.impose(fault)
      const answer = await trial[name](lookupOf(request), aborts && proxy.struck())
      requireType(answer, 'FAILED_TO_ASK')
      proxy.heal()
      await requireFound(trial, name, lookupOf(request, { gatewayRef }))
      return describe(answer)
    },
  }
}

function actionRow({ behaviour, fault, aborts }: NetworkRow): Row {
  return {
    behaviour: `completeAction: ${behaviour}`,
    expected: 'FAILED_TO_ASK, then the truth',
    advice: 'NOT_FOUND and FOUND need an answer of the gateway. Without one, return FAILED_TO_ASK.',
    async run(trial) {
      const { proxy } = trial
      const { request } = await answeredAction(trial)
      proxy.impose(fault)
      const answer = await trial.completeAction(request, aborts && proxy.struck())
      requireType(answer, 'FAILED_TO_ASK')
      proxy.heal()
      const { outcome } = requireType(await trial.completeAction(request), 'FOUND')
      requireType(outcome, 'SUCCEEDED')
      return describe(answer)
    },
  }
}

async function requireFound(
  trial: Trial,
  name: 'lookup' | 'abandon',
  request: ReturnType<typeof lookupOf>,
): Promise<void> {
  const answer = await trial[name](request)
  if (answer.type !== 'FOUND' || answer.outcome.type !== 'SUCCEEDED')
    throw new Mismatch(`then ${describe(answer)}`, 'Find the charge by gatewayKey, and read it as it is now.')
}
