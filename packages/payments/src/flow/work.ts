import { SpanKind } from '@opentelemetry/api'
import type { Withheld } from '../domain/before-charge.ts'
import type { Claim } from '../domain/claim.ts'
import type { MovementKind } from '../domain/identifiers.ts'
import { maskDetails } from '../domain/details.ts'
import type { WorkOutcome } from '../domain/decision.ts'
import { maskOutcome, reasonOf, sanitizeMessage, sanitizeOutcome } from '../domain/evidence.ts'
import type { ChargeOutcome, Gateway, LookupAnswer } from '../gateways/gateway.ts'
import { traceStep } from '../tracing.ts'
import { chargeOf, lookupOf, movementOf } from './requests.ts'
import { withTimeout, type Limits } from './with-timeout.ts'

interface WorkOptions extends Limits {
  readonly gateway: Gateway
  /** Why nothing may be sent; what may have been, is looked up. @default it may */
  readonly withheld?: Withheld | undefined
}

/** Share of a key's shelf life in which it is replayed; the rest is for clocks that differ and calls that hang. */
const REPLAY_WITHIN = 0.9

/** Moves money, or finds out what became of an earlier try. Never rejects: a failure to talk is an outcome. */
export async function work(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const aborted = options.signals.find((signal) => signal.aborted)
  if (aborted !== undefined) return { type: 'RELEASED', reason: reasonOf(aborted.reason) }
  if (claim.waitsFor !== null) return askWaiting(claim, options)
  const isExpired = claim.expiresInMs !== null && claim.expiresInMs <= 0
  if (claim.mode === 'send')
    return options.withheld ?? (isExpired ? { type: 'EXPIRED' } : send(claim, options))
  return isExpired || options.withheld !== undefined
    ? findOut(claim, options)
    : resolveAttempt(claim, options)
}

/** A gateway may find a charge this much later than it was sent, in milliseconds. */
const SEARCH_LAG_MS = 3_600_000

/**
 * Finds out what became of a charge that must not be sent any more. A holder that died may not have sent it, so that a
 * repeat would be the first send.
 */
async function findOut(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { gateway, withheld } = options
  const answer = await ask('lookup', claim, options)
  if (answer.type === 'FOUND') return answer.outcome
  if (withheld !== undefined) return withheld
  if (gateway.lookup === undefined)
    return { type: 'UNRESOLVABLE', reason: 'the time is over, and the gateway cannot be asked' }
  const reason =
    answer.type === 'FAILED_TO_ASK' ? answer.reason : 'the time is over, and the gateway does not know it'
  const isCertain = answer.type === 'NOT_FOUND' && (claim.expiresInMs ?? 0) < -SEARCH_LAG_MS
  return { type: isCertain ? 'UNRESOLVABLE' : 'UNKNOWN', reason }
}

/** Finds out whether a wait is over. Sends no charge: what waits has one at the gateway. */
async function askWaiting(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { gateway } = options
  if (claim.waitsFor === 'gateway')
    return gateway.lookup === undefined ? resolveAttempt(claim, options) : askOnce('lookup', claim, options)
  if (claim.isBeingMoved) return { type: 'UNKNOWN', reason: 'a capture or void of it is under way' }
  if (claim.isWaitOver) return endWait(claim, options)
  if (gateway.lookup === undefined) return { type: 'UNKNOWN', reason: 'the gateway cannot be asked' }
  const outcome = await askOnce('lookup', claim, options)
  // A gateway may let the customer try again after a decline: only a canceled charge is certain to move nothing.
  if (outcome.type !== 'DECLINED' || claim.waitsFor !== 'customer' || gateway.abandon === undefined)
    return outcome
  const canceled = await askOnce('abandon', claim, options)
  return canceled.type === 'DECLINED' ? outcome : canceled
}

/** Cancels first: what the gateway then says is true, also when the customer acted at the same moment. */
async function endWait(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { gateway } = options
  if (gateway.abandon !== undefined) {
    const canceled = await askOnce('abandon', claim, options)
    return canceled.type === 'DECLINED' ? { type: 'EXPIRED' } : canceled
  }
  if (gateway.lookup === undefined)
    return { type: 'UNRESOLVABLE', reason: 'the gateway can neither be asked nor cancel the charge' }
  const outcome = await askOnce('lookup', claim, options)
  return outcome.type === 'DECLINED' ? { type: 'EXPIRED' } : outcome
}

async function askOnce(
  call: 'lookup' | 'abandon',
  claim: Claim,
  options: WorkOptions,
): Promise<ChargeOutcome> {
  const answer = await ask(call, claim, options)
  if (answer.type === 'FOUND') return answer.outcome
  const reason = answer.type === 'FAILED_TO_ASK' ? answer.reason : 'the gateway does not know it'
  return { type: 'UNKNOWN', reason }
}

/**
 * The same request under the same key comes first: the gateway answers a repeat from what it has stored, and a paused
 * worker that sends late is answered the same. An inquiry cannot do that, so it is for keys that are too old, and
 * for answers that are outstanding.
 */
async function resolveAttempt(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { gateway, timeoutMs } = options
  const isReplayable = claim.keyAgeMs + timeoutMs < gateway.keyTtlMs * REPLAY_WITHIN
  const isOutstanding = claim.gatewayRef !== null && gateway.lookup !== undefined
  if (isReplayable && !isOutstanding) {
    const outcome = await send(claim, options)
    // A fault that is stored under the key is repeated for as long as the key lives; the books tell sooner.
    const isOpen = outcome.type === 'UNKNOWN' || (outcome.type === 'REJECTED' && !outcome.isReplay)
    if (!isOpen || gateway.lookup === undefined) return outcome
    const found = await ask('lookup', claim, options)
    return found.type === 'FOUND' ? found.outcome : outcome
  }
  const answer = await ask('lookup', claim, options)
  if (answer.type === 'FOUND') return answer.outcome
  if (answer.type === 'FAILED_TO_ASK') return { type: 'UNKNOWN', reason: answer.reason }
  return isReplayable
    ? { type: 'UNKNOWN', reason: 'the gateway does not know the charge yet' }
    : { type: 'UNRESOLVABLE', reason: 'the key is too old to repeat and the gateway does not know it' }
}

async function ask(call: 'lookup' | 'abandon', claim: Claim, options: WorkOptions): Promise<LookupAnswer> {
  const { gateway } = options
  if (gateway[call] === undefined) return { type: 'NOT_FOUND' }
  const request = lookupOf(claim)
  return traced(call, claim, async () => {
    const answer = await withTimeout(options, async (signal) => gateway[call]?.(request, { signal }))
    const said = (text: string): string => sanitizeMessage(maskDetails(text, claim.details))
    if ('error' in answer) return { type: 'FAILED_TO_ASK', reason: said(answer.error) }
    const found = answer.value ?? { type: 'NOT_FOUND' }
    if (found.type === 'FOUND')
      return {
        ...found,
        outcome: readable(found.outcome, (given) => sanitizeOutcome(maskOutcome(given, claim.details))),
      }
    return found.type === 'FAILED_TO_ASK' ? { ...found, reason: said(found.reason) } : found
  })
}

/** Sends the one request that its key stands for. */
async function send(claim: Claim, options: WorkOptions): Promise<WorkOutcome> {
  const { gateway } = options
  if (claim.kind === 'charge') {
    const request = chargeOf(claim)
    // Every worker of this attempt decides the same, so nothing was or will be sent under its key.
    if (request === undefined) return { type: 'DECLINED', code: 'payment_method_required', kind: 'hard' }
    return sent(claim, options, (signal) => gateway.charge(request, { signal }))
  }
  // Nothing was or will be sent under the key by a worker with this gateway.
  if (gateway.move === undefined) {
    const reason = `the gateway ${gateway.name} has no ${claim.kind}`
    return { type: 'REJECTED', code: 'unsupported', reason, fault: 'payment', isReplay: false }
  }
  const request = movementOf(claim, claim.kind)
  if (request === undefined)
    return { type: 'UNRESOLVABLE', reason: 'the charge that it is about is not known' }
  return sent(claim, options, async (signal) => gateway.move?.(request, { signal }))
}

function sent(
  claim: Claim,
  options: WorkOptions,
  call: (signal: AbortSignal) => Promise<ChargeOutcome | undefined>,
): Promise<ChargeOutcome> {
  return traced(claim.kind, claim, async () => {
    const answer = await withTimeout(options, call)
    const outcome = 'error' in answer ? ({ type: 'UNKNOWN', reason: answer.error } as const) : answer.value
    return readable(outcome ?? { type: 'UNKNOWN', reason: 'the gateway gave no answer' }, (given) =>
      sanitizeOutcome(maskOutcome(given, claim.details)),
    )
  })
}

/** What a module answers may be anything, whatever its types say: what cannot be read proves nothing. */
function readable(given: ChargeOutcome, read: (given: ChargeOutcome) => ChargeOutcome): ChargeOutcome {
  try {
    const outcome: ChargeOutcome | undefined = read(given)
    if (outcome !== undefined) return outcome
  } catch {
    // A member is missing.
  }
  return { type: 'UNKNOWN', reason: 'the gateway gave an answer that cannot be read' }
}

/** Outcomes that are no answer of the gateway's, so that their code is an error's. */
const FAULTS = new Set<string>(['UNKNOWN', 'NOT_SENT', 'REJECTED', 'FAILED_TO_ASK'])

function traced<Value extends ChargeOutcome | LookupAnswer>(
  name: MovementKind | 'lookup' | 'abandon',
  { paymentId, attemptNo, gateway, mode }: Claim,
  call: () => Promise<Value>,
): Promise<Value> {
  const attributes = () => ({
    'titan.payment.id': paymentId,
    'titan.payment.attempt': attemptNo,
    'titan.gateway.name': gateway,
    'titan.gateway.mode': mode,
  })
  return traceStep({ name, kind: SpanKind.CLIENT, attributes }, call, ({ type }) => ({
    'titan.gateway.outcome': type,
    ...(FAULTS.has(type) && { 'error.type': type }),
  }))
}
